import type { Channel, Outgoing } from '../../channels/channel.ts'
import type { Clock } from '../../frames/clock.ts'
import { callbacksOf, framesOf, received } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import type { Frame } from '../../frames/frame.ts'
import { closeLine, isClosed } from '../../inbox/opt-out.ts'
import type { Store } from '../../store/store.ts'
import { Later, type Work } from '../processor.ts'

// Rule R25: a killed attempt may still be under way, and a list may lag behind; so wait, then look three times in ten seconds.
const settleMs = 5_000
const lookEveryMs = 5_000
const lookForMs = 10_000
const clockSkewMs = 60_000

/** What sending needs of the outside. */
export interface SendingParts {
  readonly store: Store
  readonly channelOf: (tenant: string) => Channel
  readonly clock: Clock
}

/** A message to the person who wrote, as `text` says it; its opaque id is that of the started-frame. */
export function outgoingOf({ execution, frame }: Work, text: string): Outgoing {
  const { from, to } = received(execution.frames).data
  return { from: to, to: from, text, send: frame.id }
}

/** Throws SEND_OPTED_OUT and SEND_WINDOW_CLOSED where the person may not be written to. */
export async function mustBeReachable({ store, channelOf, clock }: SendingParts, { execution }: Work): Promise<void> {
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

/** Sends it and answers the id it was given. Throws the SEND_… failures. */
export function send(parts: SendingParts, work: Work, outgoing: Outgoing): Promise<string> {
  const channel = parts.channelOf(work.execution.tenant)
  return channel.send(outgoing, work.signal).catch(error => heedOptOut(parts, work, error))
}

/** A person who stopped us on the other side has stopped us here as well (rule R23). */
async function heedOptOut(parts: SendingParts, { execution }: Work, error: unknown): Promise<never> {
  if (error instanceof Failure && error.code === 'SEND_OPTED_OUT') {
    await closeLine(parts, execution.tenant, execution.principal)
  }
  throw error
}

/**
 * Finds out about a send whose outcome nobody recorded: the other side knows no idempotency key, so it is looked for in the list of
 * what was sent. Answers its id, or null where it was not taken and may be sent again; throws Later while that cannot be told.
 */
export async function findSent(
  { store, channelOf, clock }: SendingParts,
  work: Work,
  outgoing: Outgoing
): Promise<string | null> {
  const { execution, frame: started } = work
  const known = calledBack(execution.frames, started)
  if (known !== undefined) return known
  if (wasRefused(execution.frames, started)) return null
  const channel = channelOf(execution.tenant)
  const startedAt = Date.parse(started.at)
  const settled = startedAt + channel.sendTimeoutMs + settleMs
  if (clock.now() < settled) throw new Later(settled)
  const listed = await channel.listSent(outgoing, startedAt - clockSkewMs, work.signal)
  for (const message of listed) {
    if ((await store.find(message)) === null) return message
  }
  if (clock.now() < settled + lookForMs) throw new Later(clock.now() + lookEveryMs)
  return null
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
