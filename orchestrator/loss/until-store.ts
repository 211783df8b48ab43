import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import { until, type CampaignContext } from "../context.ts";

const LOOK_MS = 500;

/**
 * Waits until that is true, however long Elasticsearch is away: there is nothing else to do.
 * @throws the signal's reason; what will not pass by itself
 */
export async function untilStore(
  { log }: Pick<CampaignContext, "log">,
  isSo: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  let said = "";
  await until(
    async () => {
      try {
        return await isSo();
      } catch (error) {
        if (!(error instanceof BackfillError) || !error.retryable) throw error;
        const text = describeError(error);
        if (text !== said) log.warn(text);
        said = text;
        return false;
      }
    },
    signal,
    LOOK_MS,
  );
}
