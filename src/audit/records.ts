import { framesOf, lastOf } from '../frames/execution.ts'
import type { FailureCode } from '../frames/failure.ts'
import { type Frame, fingerprintOf } from '../frames/frame.ts'
import type { ToolClass } from '../frames/kinds.ts'
import type { AuditOf, AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'
import { type Started, settledBy } from './started.ts'

/** What the records need to know besides frames. */
export interface AuditParts {
  /** The class of a tool, or null where there is none of that name: the name may be anything that a model wrote. */
  readonly classOf: (tool: string) => ToolClass | null
}

/** A record but for what it has of its frame; `id` without the execution. */
type Said = Pick<AuditRecord, 'id' | 'action' | 'outcome' | 'detail'> & { readonly actor?: 'operator' | 'server' }

/**
 * Makes the one place where frames become audit records: intents for what is about to be done, outcomes for what was done or refused.
 * In them are pseudonyms, codes, fingerprints and numbers, and never an address, a text or an argument.
 */
export function createAuditOf(parts: AuditParts): AuditOf {
  return (execution, frames) => {
    const { id: about, tenant, principal } = execution
    const records = frames.flatMap((frame, i) =>
      say(parts, frame, [...execution.frames, ...frames.slice(0, i)]).map(({ id, actor = principal, ...said }) =>
        record({ id: `${about}:${id}`, tenant, at: frame.at, actor, execution: about, ...said })
      )
    )
    return {
      intents: records.filter(({ outcome }) => outcome === null),
      outcomes: records.filter(({ outcome }) => outcome !== null)
    }
  }
}

function say(parts: AuditParts, frame: Frame, before: readonly Frame[]): Said[] {
  switch (frame.kind) {
    case 'tool.started':
      return [intent(frame, before)]
    case 'reply.started':
    case 'prompt.started':
      return [...sendAgain(frame, before), intent(frame, before)]
    case 'tool.finished':
      if (settledBy(frame, before) === undefined) return [refusedCall(parts, frame)]
      return outcome(frame, before, frame.data.outcome, { code: frame.data.code })
    case 'reply.part-sent':
    case 'prompt.posted': {
      const { message, reconciled } = frame.data
      return outcome(frame, before, 'done', { message, reconciled })
    }
    case 'reply.drafted': {
      const { sentence: code } = frame.data
      if (code !== 'SECRET_WITHHELD' && code !== 'CANARY_WITHHELD') return []
      return [{ id: `${frame.n}:withheld`, action: 'reply.withhold', outcome: 'refused', detail: { code } }]
    }
    case 'approval.requested':
      return [asked(frame)]
    case 'approval.agreed': {
      const { approval, by, how, evidence } = frame.data
      const detail = { approval, by, how, evidence }
      const said = { id: `${frame.n}:agreed`, action: 'approval.agree', outcome: 'agreed', detail }
      return [by === 'principal' ? said : { ...said, actor: 'operator' }]
    }
    case 'approval.decided': {
      const { approval, state, by, how, evidence } = frame.data
      const said = {
        id: `${frame.n}:decided`,
        action: 'approval.decide',
        outcome: state,
        detail: { approval, by, how, evidence }
      }
      return [by === 'principal' ? said : { ...said, actor: by === 'operator' ? 'operator' : 'server' }]
    }
    case 'evidence.judged': {
      const { verdict, reason } = frame.data
      if (verdict !== 'refused') return []
      return [{ id: `${frame.n}:refused`, action: 'approval.evidence', outcome: 'refused', detail: { reason } }]
    }
    case 'outcome.unknown':
      return outcome(frame, before, 'unknown', { code: frame.data.code })
    case 'work.failed': {
      const { code, tries } = frame.data
      return outcome(frame, before, interrupted.has(code) ? 'unknown' : 'failed', { code, tries })
    }
    case 'delay.announced':
      return [{ id: `${frame.n}:intent`, action: 'delay.announce', outcome: null, detail: { code: frame.data.code } }]
    case 'message.refused': {
      const { reason, tell: told } = frame.data
      return [{ id: `${frame.n}:refused`, action: 'message.refuse', outcome: 'refused', detail: { reason, told } }]
    }
    case 'work.cancelled': {
      const said = { action: 'execution.cancel', outcome: 'done', detail: { reason: frame.data.reason } }
      return [{ id: `${frame.n}:cancelled`, ...said, actor: 'operator' }]
    }
    case 'budget.exceeded': {
      const { budget, tell: told } = frame.data
      return [{ id: `${frame.n}:refused`, action: 'budget.refuse', outcome: 'refused', detail: { budget, told } }]
    }
    case 'work.retried': {
      const { from, effect = null } = frame.data
      const said = { id: `${frame.n}:retry`, action: 'execution.retry', outcome: 'done', detail: { from, effect } }
      return [{ ...said, actor: 'operator' }]
    }
    default:
      return []
  }
}

// Work that is given up before it goes on, at an effect that was under way when its process died.
const interrupted: ReadonlySet<string> = new Set<FailureCode>(['WORK_KILLS_THE_PROCESS', 'WORK_STALE'])

/** What an effect is. It stands in the intent and in the outcome, so that either can be read by itself. */
function describe(started: Started, before: readonly Frame[]) {
  if (started.kind === 'tool.started') {
    const { tool, class: toolClass, arguments: given } = started.data
    return { action: 'tool.call', detail: { tool, class: toolClass, arguments: fingerprintOf(started, given) } }
  }
  if (started.kind === 'prompt.started') {
    const { approval, attempt } = started.data
    return { action: 'prompt.send', detail: { approval, attempt } }
  }
  const { part, attempt } = started.data
  const draft = lastOf(before.slice(0, started.n - 1), 'reply.drafted')
  return {
    action: 'reply.send',
    detail: { part, attempt, text: fingerprintOf(started, draft?.data.parts[part] ?? '') }
  }
}

function asked(frame: Frame<'approval.requested'>): Said {
  const { id, n, data } = frame
  const { binding, hash } = data
  const { tool, class: toolClass, rule, policyVersion, integrity } = binding
  const bound = { approval: id, hash, tool, class: toolClass, arguments: fingerprintOf(frame, binding.arguments) }
  const target = binding.target === null ? null : fingerprintOf(frame, binding.target.fingerprint)
  const detail = { ...bound, rule, policyVersion, integrity, target }
  return { id: `${n}:asked`, action: 'approval.ask', outcome: 'asked', detail }
}

function intent(started: Started, before: readonly Frame[]): Said {
  return { id: `${started.n}:intent`, ...describe(started, before), outcome: null }
}

/** The first word on an effect is its outcome; what is found out later is told beside it. */
function outcome(frame: Frame, before: readonly Frame[], what: string, more: Said['detail']): Said[] {
  const started = settledBy(frame, before)
  if (started === undefined) return []
  const { action, detail } = describe(started, before)
  const id = isSettled(started, before) ? `${frame.n}:decided` : `${started.n}:outcome`
  const ms = Math.max(0, Date.parse(frame.at) - Date.parse(started.at))
  const isRuling = frame.kind === 'tool.finished' && frame.data.code === 'OPERATOR'
  const said = { id, action, outcome: what, detail: { ...detail, ...more, started: started.n, ms } }
  return [isRuling ? { ...said, actor: 'operator' } : said]
}

/** Another attempt says of the one before that it was not taken, where nothing was said of that yet. */
function sendAgain(frame: Frame<'reply.started' | 'prompt.started'>, before: readonly Frame[]): Said[] {
  const last = settledBy(frame, before)
  if (last === undefined || isSettled(last, before)) return []
  const note = framesOf(before, 'attempt.failed').findLast(({ data }) => data.from === last.n)
  return outcome(frame, before, 'failed', { code: note?.data.code ?? null })
}

function isSettled(started: Started, frames: readonly Frame[]): boolean {
  return frames.some(frame => settledBy(frame, frames)?.id === started.id)
}

function refusedCall({ classOf }: AuditParts, { n, data }: Frame<'tool.finished'>): Said {
  const toolClass = classOf(data.tool)
  const detail = { tool: toolClass === null ? null : data.tool, class: toolClass, code: data.code }
  return { id: `${n}:refused`, action: 'tool.call', outcome: data.outcome, detail }
}
