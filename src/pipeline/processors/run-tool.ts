import type { Channel } from '../../channels/channel.ts'
import { questionAbout } from '../../frames/approval.ts'
import type { Clock } from '../../frames/clock.ts'
import type { Observe } from '../../frames/event.ts'
import { lastOf, received } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import type { Permit } from '../../frames/permit.ts'
import { deriveProvenance, lowestIntegrity } from '../../frames/provenance.ts'
import { isClosed } from '../../inbox/opt-out.ts'
import type { Spending } from '../../policy/budgets.ts'
import { type Egress, withheldCall, withheldResult } from '../../policy/egress.ts'
import { withoutForeignLinks } from '../../policy/links.ts'
import type { Switches } from '../../policy/switches.ts'
import type { Store } from '../../store/store.ts'
import type { Tool, ToolResult } from '../../tools/tool.ts'
import { bindSecrets, type ToolSecrets } from '../../tools/tool-secrets.ts'
import { userRecords } from '../../tools/user-records.ts'
import type { Secrets } from '../../vault/secrets.ts'
import type { Processor, Product, Work } from '../processor.ts'
import { type CallRules, judge } from './next-call.ts'
import { callOverBudget } from './over-budget.ts'
import { mustBeReachable, outgoingOf, send } from './sending.ts'

type Parts = CallRules & {
  store: Store
  secrets: Secrets
  egress: Egress
  channelOf: (tenant: string) => Channel
  pseudonym: (tenant: string, address: string) => string
  clock: Clock
  observe: Observe
  switches: Switches
  spending: Spending
}
type Outcome = { outcome: 'done' | 'failed' | 'refused'; code: string | null; result: string }

/**
 * Runs one started call. Met again after a crash, a tool that may be repeated is run again under the same key; what became of any
 * other is unknown, unless the operator has said it.
 */
export function createRunTool(parts: Parts): Processor {
  const overBudget = new WeakMap<Work, Refusal['refusal'] | null>()
  return {
    name: 'run-tool',
    // The look at the switches is good for half a second: the one in `run` costs no wait between the lease and the effect.
    async prepare(work) {
      await offFor(parts, work)
      overBudget.set(work, await callOverBudget(parts.spending, work, toolOf(parts, work)))
    },
    async run(work) {
      const refusal = overBudget.get(work)
      if (refusal) return finished(work, { outcome: 'refused', ...refusal })
      const made = await makeCall(parts, work)
      return 'refusal' in made ? finished(work, { outcome: 'refused', ...made.refusal }) : made
    },
    async recover(work) {
      const started = work.frame as Frame<'tool.started'>
      const ruling = rulingOf(work.execution.frames, started)
      if (ruling === 'happened') return finished(work, { outcome: 'done', code: 'OPERATOR', result: 'It was done.' })
      if (ruling === 'did not happen') {
        return finished(work, { outcome: 'failed', code: 'OPERATOR', result: 'It was not done.' })
      }
      const tool = toolOf(parts, work)
      const isRead = tool?.class === 'R0' || tool?.class === 'R1'
      if (tool?.repeatable !== true && !isRead) return unknown(work)
      const refusal = await callOverBudget(parts.spending, work, tool)
      const made = refusal === null ? await makeCall(parts, work) : { refusal }
      if (!('refusal' in made)) return made
      // It may have been done before: that it may not be done now does not say that it was not.
      return isRead ? finished(work, { outcome: 'refused', ...made.refusal }) : unknown(work)
    }
  }
}

type Leave = { readonly permit: Permit; readonly tool: Tool }
type Refusal = { readonly refusal: { readonly code: string; readonly result: string } }

/** Leave to make a started call now: it is judged again, on the recorded arguments, because the rules may have changed since. */
async function leaveFor(parts: Parts, work: Work): Promise<Leave | Refusal> {
  const { execution } = work
  const { data, provenance } = work.frame as Frame<'tool.started'>
  const asked = { execution: execution.id, call: data.call, tool: data.tool, arguments: JSON.stringify(data.arguments) }
  const { integrity } = provenance
  const decision = judge(parts, execution.frames, asked, { integrity, callsSoFar: 0, now: parts.clock.now() })
  const tool = toolOf(parts, work)
  if ('deny' in decision) return { refusal: decision.deny }
  if (!('allow' in decision) || tool === undefined) return { refusal: notApproved }
  if (parts.egress.find(asked.arguments, execution) !== null) return { refusal: withheld(parts, work) }
  return (await offFor(parts, work)) === null ? { permit: decision.allow, tool } : { refusal: switchedOff }
}

function toolOf({ registry }: Parts, { frame }: Work): Tool | undefined {
  return registry.get((frame as Frame<'tool.started'>).data.tool)
}

/** Tells the operator that something was withheld. */
function withheld({ observe }: Parts, { execution }: Work): Refusal['refusal'] {
  observe('alert', { code: withheldCall.code, execution: execution.id })
  return withheldCall
}

function offFor({ switches }: Parts, { execution: { tenant, principal }, frame }: Work): Promise<string | null> {
  const { tool, class: toolClass } = (frame as Frame<'tool.started'>).data
  return switches.stops({ tenant, principal, tool, class: toolClass })
}

/** Makes the call, or says why it was not made. */
async function makeCall(parts: Parts, work: Work): Promise<Product | Refusal> {
  const leave = await leaveFor(parts, work)
  if ('refusal' in leave) return leave
  const { id, tenant, principal } = work.execution
  const bound = bindSecrets(parts.secrets, { tenant, principal, tool: leave.tool.name })
  const sent: string[] = []
  try {
    return await call(parts, work, leave, bound.secrets, sent)
  } catch (error) {
    if (!bound.isRefusal(error) || sent.length > 0) throw error
    parts.observe('alert', { code: 'SECRET_UNAVAILABLE', execution: id })
    return { refusal: noSecret }
  }
}

async function call(
  parts: Parts,
  work: Work,
  { permit, tool }: Leave,
  secrets: ToolSecrets,
  sent: string[]
): Promise<Product> {
  const { execution } = work
  const started = work.frame as Frame<'tool.started'>
  const began = parts.clock.monotonic()
  const result = await tool.call(permit, {
    tenant: execution.tenant,
    userId: execution.principal,
    records: userRecords(parts.store, { tenant: execution.tenant, user: execution.principal }),
    secrets,
    signal: work.signal,
    idempotencyKey: `${execution.id}:${started.n}`,
    integrity: started.provenance.integrity,
    async send(number, text) {
      sent.push(started.id, await sendTo(parts, work, number, text))
      return sent.at(-1) as string
    },
    tell: text => tellPerson(parts, work, text, message => void sent.push(started.id, message)),
    now: parts.clock.now(),
    fingerprint: questionAbout(execution.frames, permit.call)?.request.data.binding.target?.fingerprint ?? null
  })
  const ms = parts.clock.monotonic() - began
  parts.observe('tool.called', { execution: execution.id, tool: tool.name, outcome: result.outcome, ms })
  const { outcome } = result
  // A secret is not to be in a frame: not even the one that the tool was given.
  const isClean = !parts.egress.holdsSecret(result.result)
  if (!isClean) withheld(parts, work)
  const shown = isClean ? { code: null, result: result.result } : withheldResult
  const product = finished(work, { outcome, ...shown }, result.integrity)
  return { ...product, extras: { refs: sent } }
}

/** A message to somebody else, from the number that the person wrote to; who stopped us is not written to. */
async function sendTo(
  { store, channelOf, pseudonym }: Parts,
  { execution, frame, signal }: Work,
  number: string,
  text: string
): Promise<string> {
  const { tenant, frames } = execution
  const from = received(frames).data.to
  const to = from.startsWith('whatsapp:') ? `whatsapp:${number}` : number
  if (await isClosed({ store }, tenant, pseudonym(tenant, to))) throw new Failure('SEND_OPTED_OUT', { refused: true })
  return channelOf(tenant).send({ from, to, text, send: frame.id }, signal)
}

/** A text to the person, in parts and without links that others may have put into it. */
async function tellPerson(parts: Parts, work: Work, text: string, sent: (message: string) => void): Promise<number> {
  await mustBeReachable(parts, work).catch(error => {
    const isNo = error instanceof Failure && error.code.startsWith('SEND_')
    throw isNo ? new Failure(error.code, { cause: error, refused: true }) : error
  })
  const shown = withoutForeignLinks(text, { allowed: parts.linkHosts, typed: '' })
  const messages = parts.channelOf(work.execution.tenant).split(shown)
  for (const message of messages) sent(await send(parts, work, outgoingOf(work, message)))
  return messages.length
}

const switchedOff = {
  code: 'SWITCHED_OFF',
  result: 'The operator has switched this off: it was not done. Say so, and do not try again.'
}

const noSecret = {
  code: 'SECRET_UNAVAILABLE',
  result: 'A key that this tool needs cannot be had, so it was not done. Say so, and that the operator has been told.'
}

const notApproved = {
  code: 'APPROVAL_MISSING',
  result: 'The rules have changed, and nobody approved this under them: it was not done.'
}

/** The operator's word on what happened to this very effect. */
function rulingOf(frames: readonly Frame[], started: Frame): 'happened' | 'did not happen' | undefined {
  const retried = lastOf(frames, 'work.retried')
  return retried?.data.from === started.n ? retried.data.effect : undefined
}

function finished(work: Work, outcome: Outcome, read?: ToolResult['integrity']): Product {
  const started = work.frame as Frame<'tool.started'>
  const derived = deriveProvenance('tool', started.id, [started.provenance])
  const integrity = read === undefined ? derived.integrity : lowestIntegrity(derived.integrity, read)
  const { call, tool } = started.data
  const draft: Draft<'tool.finished'> = {
    kind: 'tool.finished',
    data: { call, tool, ...outcome },
    parent: started.id,
    provenance: { ...derived, integrity }
  }
  return { draft }
}

function unknown({ frame }: Work): Product {
  const draft: Draft<'outcome.unknown'> = {
    kind: 'outcome.unknown',
    data: { code: 'OUTCOME_UNKNOWN', step: 'run-tool', from: frame.n },
    parent: frame.id,
    provenance: deriveProvenance('worker', frame.id, [frame.provenance])
  }
  return { draft }
}
