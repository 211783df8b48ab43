/** Writes a line to stderr, which is the job's error file. Secrets never go here. */
export type AgentLog = (text: string) => void;

export const logToStderr: AgentLog = (text) => {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} agent ${text}\n`);
};
