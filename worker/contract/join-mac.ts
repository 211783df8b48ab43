import { createHmac } from "node:crypto";
import type { JoinRequest } from "./node.ts";

/** The signature of a join request under the job's token, in hex: HMAC-SHA256 over everything that the answer depends on. */
export function joinMac(token: string, request: Omit<JoinRequest, "mac">): string {
  const { jobName, instance, jobId, addresses, csr } = request;
  return createHmac("sha256", token)
    .update(JSON.stringify([jobName, instance, jobId, addresses, csr]))
    .digest("hex");
}
