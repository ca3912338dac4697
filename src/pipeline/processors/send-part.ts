import type { Channel, Outgoing } from '../../channels/channel.ts'
import type { Clock } from '../../frames/clock.ts'
import { callbacksOf, framesOf, received } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import { closeLine, isClosed } from '../../inbox/opt-out.ts'
import type { Store } from '../../store/store.ts'
import { Later, type Processor, type Product, type Work } from '../processor.ts'
import { replyOf, startPart } from './next-part.ts'

// Rule R25: a killed attempt may still be under way, and a list may lag behind; so wait, then look three times in ten seconds.
const settleMs = 5_000
const lookEveryMs = 5_000
const lookForMs = 10_000
const clockSkewMs = 60_000

type Parts = { store: Store; channelOf: (tenant: string) => Channel; clock: Clock }

/**
 * Sends one part of a reply. The other side knows no idempotency key: a send whose outcome nobody recorded is looked for in the
 * list of what was sent before it is sent again. Throws the SEND_… failures.
 */
export function createSendPart(parts: Parts): Processor {
  return {
    name: 'send-part',
    prepare: work => mustBeReachable(parts, work),
    async run(work) {
      const outgoing = outgoingOf(work)
      const channel = parts.channelOf(work.execution.tenant)
      const message = await channel.send(outgoing, work.signal).catch(error => heedOptOut(parts, work, error))
      return partSent(work, message, false)
    },
    recover: work => reconcile(parts, work)
  }
}

async function mustBeReachable({ store, channelOf, clock }: Parts, { execution }: Work): Promise<void> {
  const first = received(execution.frames)
  // The confirmation of a STOP is the one message that goes out after it.
  const isFarewell = first.kind === 'command.received' && first.data.command === 'stop'
  if (!isFarewell && (await isClosed({ store }, execution.tenant, execution.principal))) {
    throw new Failure('SEND_OPTED_OUT')
  }
  const windowMs = channelOf(execution.tenant).windowMs(first.data.from)
  const isOpenSince = (inbound: number) => clock.now() <= inbound + windowMs
  // This message opened it; only where that is long ago a newer one is looked for.
  if (isOpenSince(Date.parse(execution.at))) return
  if (!isOpenSince((await store.lastInbound(execution.lane)) ?? 0)) throw new Failure('SEND_WINDOW_CLOSED')
}

/** A person who stopped us on the other side has stopped us here as well (rule R23). */
async function heedOptOut(parts: Parts, { execution }: Work, error: unknown): Promise<never> {
  if (error instanceof Failure && error.code === 'SEND_OPTED_OUT') {
    await closeLine(parts, execution.tenant, execution.principal)
  }
  throw error
}

async function reconcile({ store, channelOf, clock }: Parts, work: Work): Promise<Product> {
  const { execution, frame } = work
  const started = frame as Frame<'reply.started'>
  const known = calledBack(execution.frames, started)
  if (known !== undefined) return partSent(work, known, true)
  if (wasRefused(execution.frames, started)) return again(work, started)
  const channel = channelOf(execution.tenant)
  const startedAt = Date.parse(started.at)
  const settled = startedAt + channel.sendTimeoutMs + settleMs
  if (clock.now() < settled) throw new Later(settled)
  const listed = await channel.listSent(outgoingOf(work), startedAt - clockSkewMs, work.signal)
  for (const message of listed) {
    if ((await store.find(message)) === null) return partSent(work, message, true)
  }
  if (clock.now() < settled + lookForMs) throw new Later(clock.now() + lookEveryMs)
  return again(work, started)
}

/** A status callback that came back with this send's id proves that it was taken. */
function calledBack(frames: readonly Frame[], started: Frame): string | undefined {
  return callbacksOf(frames).find(note => note.data.send === started.id)?.data.message
}

/** The other side said no before it took anything: nothing to look for. */
function wasRefused(frames: readonly Frame[], started: Frame): boolean {
  const last = framesOf(frames, 'attempt.failed').findLast(note => note.data.from === started.n)
  return last?.data.refused === true
}

function again({ execution }: Work, started: Frame<'reply.started'>): Product {
  return { draft: startPart(execution.frames, started, started.data.part) }
}

function outgoingOf({ execution, frame }: Work): Outgoing {
  const { from, to } = received(execution.frames).data
  const { part } = (frame as Frame<'reply.started'>).data
  const text = replyOf(execution.frames).draft.data.parts[part]
  if (text === undefined) throw new TypeError('no such part')
  return { from: to, to: from, text, send: frame.id }
}

function partSent({ frame }: Work, message: string, reconciled: boolean): Product {
  const { part } = (frame as Frame<'reply.started'>).data
  const draft: Draft<'reply.part-sent'> = {
    kind: 'reply.part-sent',
    data: { part, message, reconciled },
    parent: frame.id,
    provenance: deriveProvenance('outbox', frame.id, [frame.provenance])
  }
  return { draft, extras: { refs: [message] } }
}
