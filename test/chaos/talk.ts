import { setTimeout as wait } from 'node:timers/promises'
import type { Field, Served, Wish } from './field.ts'

/** Lets new people say these things, in writing and speaking or in writing alone, every `silenceMs` again, until something has come about. */
export async function talkUntil(
  field: Field,
  servers: readonly Served[],
  conversations: readonly (readonly Wish[])[],
  about: { until: Promise<unknown>; silenceMs?: number; voice?: boolean }
): Promise<void> {
  const { until, silenceMs = 3_000, voice } = about
  const ended = until.then(() => true)
  for (let isOver = false; !isOver; ) {
    const said = conversations.flatMap(wishes => field.person(wishes, voice === undefined ? {} : { voice }))
    await Promise.race([field.speak(servers, said), ended])
    isOver = await Promise.race([ended, wait(silenceMs, false)])
  }
  await field.speak(servers)
}
