/** Whether the whole matrix of faults is asked for (`npm run test:faults`), or each of them once. */
export const EVERY_FAULT = process.env["GRIDHARVEST_FAULTS"] === "all";
