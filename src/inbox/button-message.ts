import { readPayload } from '../channels/button-payload.ts'
import type { Received } from '../channels/channel.ts'
import { framesOf } from '../frames/execution.ts'
import type { Store } from '../store/store.ts'

/**
 * A tap on a button of a question becomes `button.tapped`, whatever came along with it: it is judged, and no model is shown it. It is
 * known by its payload or by the message that was tapped; a tap on anything else is a message whose words somebody else wrote.
 */
export async function withTap(store: Pick<Store, 'find' | 'read'>, received: Received): Promise<Received> {
  const { kind, data, provenance } = received
  if (data.button === undefined || (kind !== 'text.received' && kind !== 'voice.received')) return received
  const isOurs = readPayload(data.button.payload) !== null || (await isPrompt(store, data.repliedTo))
  if (!isOurs) return received
  // What the button says is ours, and the tap is the person's own.
  const integrity = data.forwarded ? 'user_forwarded' : 'user_typed'
  return { ...received, kind: 'button.tapped', provenance: { ...provenance, integrity } }
}

async function isPrompt(store: Pick<Store, 'find' | 'read'>, message: string | undefined): Promise<boolean> {
  const execution = message === undefined ? null : await store.find(message)
  const frames = execution === null ? [] : ((await store.read(execution))?.frames ?? [])
  return framesOf(frames, 'prompt.posted').some(({ data }) => data.message === message)
}
