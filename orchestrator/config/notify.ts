import { z } from "zod";
import { CAMPAIGN_STATES } from "../campaign.ts";

export const notify = z
  .strictObject({
    on: z
      .array(z.enum(CAMPAIGN_STATES))
      .default(["serving", "held", "done", "failed", "cancelled"])
      .describe("States that are told when a campaign gets into them."),
    webhook: z
      .strictObject({
        url: z.string().describe("http(s)://… that gets each change of state as a POST of JSON."),
        headersFile: z
          .string()
          .optional()
          .describe("File with headers to send, a line `Name: value` for each; the place for what is secret."),
      })
      .optional()
      .describe("Tells a program."),
    mail: z
      .strictObject({
        to: z.array(z.string()).nonempty().describe("Who gets the mails."),
        from: z.string().describe("Whose name they bear."),
        sendmail: z
          .string()
          .optional()
          .describe("Program that takes a mail as sendmail does; the system's sendmail when absent."),
      })
      .optional()
      .describe("Tells people."),
  })
  .prefault({})
  .describe("Who is told when a campaign changes its state: nobody without a webhook and a mail.");
