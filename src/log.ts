import pino from 'pino'
import { isoTime } from './frames/clock.ts'
import { type EventName, events, type Observe } from './frames/event.ts'

/** The log: one JSON line an event, made from the event's own fields and from nothing else (rule R27). */
export interface Log {
  readonly observe: Observe
  /** Writes out what is buffered, before the process ends. */
  flush(): Promise<void>
}

// A write of its own for each line would cost more than making the line. What a killed process had not written is lost.
const minLength = 12_288
const periodicFlush = 100

/** How loud each event is. */
const levels: Readonly<Record<EventName, pino.Level>> = {
  'server.listening': 'info',
  'store.waiting': 'warn',
  'server.draining': 'info',
  'server.stopped': 'info',
  'config.warning': 'warn',
  'webhook.refused': 'warn',
  'webhook.answered': 'debug',
  'message.accepted': 'info',
  'message.refused': 'info',
  'message.duplicate': 'info',
  'message.reconciled': 'info',
  'reconcile.finished': 'debug',
  'reconcile.failed': 'warn',
  'status.noted': 'debug',
  'status.unmatched': 'info',
  'execution.claimed': 'debug',
  'step.finished': 'debug',
  'attempt.failed': 'warn',
  'work.failed': 'error',
  'work.stopped': 'warn',
  'outcome.unknown': 'error',
  'execution.finished': 'info',
  'effect.recovered': 'warn',
  'lease.lost': 'warn',
  'kind.unknown': 'warn',
  'tool.called': 'info',
  'approval.asked': 'info',
  'approval.agreed': 'info',
  'approval.decided': 'info',
  'evidence.judged': 'info',
  'provider.called': 'info',
  'budget.exceeded': 'info',
  'media.refused': 'warn',
  'api.answered': 'info',
  'sweep.finished': 'debug',
  'audit.sealed': 'debug',
  'audit.head': 'info',
  'request.failed': 'error',
  alert: 'error'
}

/**
 * Opens the log on standard output, or on `destination`. What does not fit the schema of its event is left out: unknown fields are
 * dropped, long strings cut, strings that are no plain label withheld, and anything else becomes `event.malformed`. It never throws.
 */
export function createLog(options: { level: pino.LevelWithSilent; destination?: pino.DestinationStream }): Log {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: false, minLength, periodicFlush })
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${isoTime(Date.now())}"`,
      formatters: { level: label => ({ level: label }) }
    },
    destination
  )
  const observe: Observe = (event, fields) => {
    const level = Object.hasOwn(levels, event) ? levels[event] : 'error'
    if (logger.isLevelEnabled(level)) logger[level](line(event, fields))
  }
  return { observe, flush: () => new Promise(resolve => logger.flush(() => resolve())) }
}

function line(event: EventName, fields: unknown): object {
  try {
    const fitting = fit(event, fields)
    if (fitting !== null) return { event, ...withhold(fitting) }
  } catch {
    // A getter that throws, an event that does not exist: the line below is all there is to say.
  }
  return { event: 'event.malformed', of: Object.hasOwn(events, event) ? event : 'unknown' }
}

/** The fields as their schema wants them, or null where that cannot be had. */
function fit(event: EventName, fields: unknown): Record<string, unknown> | null {
  const parsed = events[event].safeParse(fields)
  if (parsed.success) return parsed.data
  const mended: Record<string, unknown> = Object.fromEntries(Object.entries(fields as object))
  for (const issue of parsed.error.issues) {
    const name = String(issue.path[0])
    const value = mended[name]
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) delete mended[key]
    if (issue.code === 'too_big' && typeof value === 'string') mended[name] = value.slice(0, Number(issue.maximum))
  }
  return events[event].safeParse(mended).data ?? null
}

// Ids, kinds, codes, routes and names of models look like this; sentences, URLs and telephone numbers do not.
const label = /^(?!.*\/\/)[\w.:@/-]*$/

/** Changes the fields themselves: nobody else has what the schema made. */
function withhold(fields: Record<string, unknown>): object {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === 'string' && !label.test(value)) fields[key] = 'withheld'
  }
  return fields
}
