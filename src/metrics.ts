import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { EventName, FieldsOf, Observe } from './frames/event.ts'
import { states } from './frames/execution.ts'
import { failures } from './frames/failures.ts'
import { kinds } from './frames/kinds.ts'
import { defaultBudgets } from './policy/budgets.ts'
import type { Depth } from './store/summaries.ts'

/** The numbers that `GET /metrics` shows, in Prometheus' text format. */
export interface Metrics {
  readonly observe: Observe
  text(): Promise<string>
  readonly contentType: string
}

/** The steps that are timed; a name that is not among them is counted as `other`. */
const steps = [
  'next-attachment',
  'download-audio',
  'transcribe',
  'think',
  'next-call',
  'run-tool',
  'post-prompt',
  'judge-evidence',
  'next-part',
  'send-part',
  'tell',
  'announce-delay',
  'delete-media'
]
const codes = Object.keys(failures)
/** Alerts that are no failures of a step. */
const alerts = ['tool-changed', 'tool-left-out', 'tool-server-down', 'CANARY_WITHHELD', 'AUDIT_HEADS_NOT_KEPT']
const refusals = kinds['message.refused'][1].shape.reason.options

// Label values come from closed sets, so that nothing from outside can add a series or put a word into one.
const label = {
  kind: among(Object.keys(kinds)),
  reason: among([...codes, ...refusals]),
  step: among(steps),
  use: among(['transcribe', 'respond', 'speak']),
  outcome: among(['done', 'aborted', ...codes]),
  state: among(states),
  code: among([...codes, ...alerts]),
  budget: among(Object.keys(defaultBudgets))
}

/** Makes the metrics of one server on a registry of its own. `depth` is asked at each scrape; where it fails, the depth is not a number. */
export function createMetrics({ depth }: { depth: () => Promise<Depth> }): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const react = reactions(registry)
  const showDepth = depthGauges(registry)
  return {
    observe: (event, fields) => {
      try {
        react[event]?.(fields)
      } catch {
        // A number that is none must not fail the work it was counted for.
      }
    },
    text: async () => {
      showDepth(await depth().catch(() => ({ queued: NaN, running: NaN, parked: NaN, oldestMs: NaN, unsealedMs: NaN })))
      return registry.metrics()
    },
    contentType: registry.contentType
  }
}

type Reactions = { [E in EventName]?: (fields: FieldsOf<E>) => void }

function reactions(registry: Registry): Reactions {
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name: `knomly_${name}_total`, help, labelNames, registers: [registry] })
  const seconds = <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram<L>({ name: `knomly_${name}_seconds`, help, labelNames, buckets, registers: [registry] })

  const accepted = counter('accepted', 'Messages kept, by kind', 'kind')
  const duplicates = counter('duplicates', 'Messages that came again')
  const reconciled = counter('reconciled', 'Messages kept that no webhook brought, by kind', 'kind')
  const unreadable = new Gauge({
    name: 'knomly_reconcile_unreadable',
    help: 'Listed messages that could not be read, in the last listing of this process',
    registers: [registry]
  })
  const refused = counter('refused', 'Webhooks and messages refused, by reason', 'reason')
  const acknowledge = seconds(
    'acknowledge',
    'Time to answer a webhook',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5]
  )
  const step = seconds('step', 'Time of a step', [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60], 'step')
  const calls = counter('provider_calls', 'Calls of providers, by use and outcome', 'use', 'outcome')
  const tokens = counter('provider_tokens', 'Tokens that providers counted', 'direction')
  const outcomes = counter('outcomes', 'Executions that came to rest, by state', 'state')
  const unknown = counter('unknown_outcomes', 'Effects whose outcome nobody recorded')
  const attempts = counter('attempts_failed', 'Tries that failed and will be repeated', 'step', 'code')
  const failed = counter('failed', 'Work that was given up, by step and code', 'step', 'code')
  const overBudget = counter('over_budget', 'What a person was refused over a budget', 'budget')
  const alerts = counter('alerts', 'Things that the operator should look at, by code', 'code')
  const unmatched = counter('status_unmatched', 'Status callbacks for messages that are not known')
  const unknownKinds = counter('unknown_kinds', 'Frames of a kind or version that this build does not know')
  const leasesLost = counter('leases_lost', 'Leases that ended while their work was going on')

  return {
    'message.accepted': ({ kind }) => accepted.inc({ kind: label.kind(kind) }),
    'message.duplicate': () => duplicates.inc(),
    'message.reconciled': ({ kind }) => reconciled.inc({ kind: label.kind(kind) }),
    'reconcile.finished': fields => unreadable.set(fields.unreadable),
    'webhook.refused': ({ reason }) => refused.inc({ reason: label.reason(reason) }),
    'message.refused': ({ reason }) => refused.inc({ reason: label.reason(reason) }),
    'webhook.answered': ({ ms }) => acknowledge.observe(inSeconds(ms)),
    'step.finished': fields => step.observe({ step: label.step(fields.step) }, inSeconds(fields.ms)),
    'provider.called': fields => {
      calls.inc({ use: label.use(fields.use), outcome: label.outcome(fields.outcome) })
      tokens.inc({ direction: 'input' }, fields.inputTokens)
      tokens.inc({ direction: 'output' }, fields.outputTokens)
    },
    'execution.finished': ({ state }) => outcomes.inc({ state: label.state(state) }),
    'outcome.unknown': () => unknown.inc(),
    'attempt.failed': fields => attempts.inc({ step: label.step(fields.step), code: label.code(fields.code) }),
    'work.failed': fields => failed.inc({ step: label.step(fields.step), code: label.code(fields.code) }),
    'budget.exceeded': ({ budget }) => overBudget.inc({ budget: label.budget(budget) }),
    alert: ({ code }) => alerts.inc({ code: label.code(code) }),
    'status.unmatched': () => unmatched.inc(),
    'kind.unknown': () => unknownKinds.inc(),
    'lease.lost': () => leasesLost.inc()
  }
}

function depthGauges(registry: Registry): (depth: Depth) => void {
  const registers = [registry]
  const waiting = new Gauge({
    name: 'knomly_queue_depth',
    help: 'Open executions, by state',
    labelNames: ['state'],
    registers
  })
  const oldest = new Gauge({ name: 'knomly_queue_oldest_seconds', help: 'Age of the oldest open execution', registers })
  const unsealed = new Gauge({
    name: 'knomly_audit_unsealed_seconds',
    help: 'Age of the oldest audit record that is in no block',
    registers
  })
  return depth => {
    unsealed.set(depth.unsealedMs / 1_000)
    for (const state of ['queued', 'running', 'parked'] as const) waiting.set({ state }, depth[state])
    oldest.set(depth.oldestMs / 1_000)
  }
}

/** One NaN would spoil the sum of a histogram for good. */
function inSeconds(ms: number): number {
  if (!Number.isFinite(ms)) throw new TypeError('not a duration')
  return ms / 1_000
}

function among(values: readonly string[]): (value: string) => string {
  const known = new Set(values)
  return value => (known.has(value) ? value : 'other')
}
