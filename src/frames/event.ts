import { z } from 'zod'

const id = z.string().max(200)
const word = z.string().max(100)
const count = z.number()
const execution = { execution: id }
const none = z.strictObject({})

/**
 * What may be said about the work: every event with the only fields it can carry. Logs and metrics are made from these and from
 * nothing else, so that a person's words, a number, a URL or a key cannot reach either.
 */
export const events = {
  'server.listening': z.strictObject({ port: count, store: word, workers: count }),
  'store.waiting': z.strictObject({ cause: word }),
  'server.draining': z.strictObject({ running: count }),
  'server.stopped': z.strictObject({ code: word }),
  'config.warning': z.strictObject({ code: word }),
  'webhook.refused': z.strictObject({ route: word, reason: word }),
  'webhook.answered': z.strictObject({ route: word, status: count, ms: count }),
  'message.accepted': z.strictObject({ ...execution, kind: word }),
  'message.refused': z.strictObject({ ...execution, reason: word }),
  'message.duplicate': z.strictObject(execution),
  'message.reconciled': z.strictObject({ ...execution, kind: word }),
  'reconcile.finished': z.strictObject({ accepted: count, unreadable: count, complete: z.boolean(), ms: count }),
  'reconcile.failed': z.strictObject({ code: word, cause: word }),
  'status.noted': z.strictObject({ ...execution, kind: word }),
  'status.unmatched': none,
  'execution.claimed': z.strictObject({ ...execution, lane: id, fence: count, waitedMs: count }),
  'step.finished': z.strictObject({ ...execution, step: word, ms: count }),
  'attempt.failed': z.strictObject({
    ...execution,
    step: word,
    code: word,
    cause: word,
    tries: count,
    retryInMs: count
  }),
  'work.failed': z.strictObject({ ...execution, step: word, code: word, cause: word }),
  'work.stopped': z.strictObject({ ...execution, cause: word }),
  'outcome.unknown': z.strictObject({ ...execution, step: word }),
  'execution.finished': z.strictObject({ ...execution, state: word, ms: count }),
  'effect.recovered': z.strictObject({ ...execution, step: word }),
  'lease.lost': z.strictObject({ lane: id }),
  'kind.unknown': z.strictObject({ ...execution, n: count }),
  'tool.called': z.strictObject({ ...execution, tool: word, outcome: word, ms: count }),
  'approval.asked': z.strictObject({ ...execution, tool: word, class: word }),
  'approval.agreed': z.strictObject({ ...execution, by: word, how: word }),
  'approval.decided': z.strictObject({ ...execution, state: word, by: word, how: word }),
  'evidence.judged': z.strictObject({ ...execution, verdict: word, reason: word }),
  'provider.called': z.strictObject({
    use: word,
    model: word,
    outcome: word,
    ms: count,
    inputTokens: count,
    outputTokens: count
  }),
  'budget.exceeded': z.strictObject({ ...execution, budget: word }),
  'media.refused': z.strictObject({ code: word }),
  'api.answered': z.strictObject({ route: word, status: count, ms: count }),
  'sweep.finished': z.strictObject({ rung: count, blobs: count, purged: count, ms: count }),
  'audit.sealed': z.strictObject({ records: count, ms: count }),
  'audit.head': z.strictObject({ tenant: word, n: count, hash: word, signature: word }),
  'request.failed': z.strictObject({ route: word, cause: word }),
  alert: z.strictObject({ code: word, execution: id.nullable() })
} as const

export type EventName = keyof typeof events
export type FieldsOf<E extends EventName> = z.infer<(typeof events)[E]>

/** Tells the operator's eyes (log and metrics) that something happened. It never throws. */
export type Observe = <E extends EventName>(event: E, fields: FieldsOf<E>) => void
