/** A stretch of every day, `22:00-06:00`: its beginning is part of it, its end is not. Both are not the same. */
export const WINDOW = /^(?!(.{5})-\1$)(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d$/;

/** Whether a time lies in it; null is all day. Pure. @param timeZone of the window; that of this machine when undefined */
export function isOpen(window: string | null, at: number, timeZone: string | undefined): boolean {
  if (window === null) return true;
  const [from = "", to = ""] = window.split("-");
  const format = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const now = new Intl.DateTimeFormat("en-GB", { ...format, ...(timeZone === undefined ? {} : { timeZone }) }).format(
    at,
  );
  // Over midnight, or within a day. Texts of one length compare as their times do.
  return from > to ? now >= from || now < to : now >= from && now < to;
}
