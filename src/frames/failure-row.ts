/**
 * How a failure is met:
 * `never` is final at once; `tries` is tried five times (our own error); `outage` is tried until 15 minutes after acceptance;
 * `sending` is tried until 4 hours after acceptance.
 */
export type Retry = 'never' | 'tries' | 'outage' | 'sending'

/** What is known of a failure by its code. */
export type Row = { sentence: string; status: number; retry: Retry; alert?: true }
