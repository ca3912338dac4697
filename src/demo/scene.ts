import { duration, labelled, type Screen } from '../screen.ts'
import type { Posted } from '../simulator/caller.ts'
import type { ShownExecution, ShownFrame } from '../timeline.ts'

/** One thing that the demo shows. It rejects with an Error that says what did not hold. */
export interface Scene {
  readonly title: string
  /** What is shown by it, for the list at the end. */
  readonly holds: string
  play(): Promise<void>
}

/** Prints one fact of a scene under its label. */
export type Say = (label: string, text: string) => void

const labelWidth = 20

/** The way a scene speaks. */
export function sayOn(screen: Screen): Say {
  return (label, text) => {
    for (const line of labelled(`   ${label}`, labelWidth, text)) screen.print(line)
  }
}

/** Says how a webhook was acknowledged, and expects that it was. */
export async function postedIn(posting: Promise<Posted>, say: Say): Promise<Posted> {
  const started = performance.now()
  const posted = await posting
  say('acknowledged', `${posted.status} in ${duration(performance.now() - started)}, once it was on disk`)
  expect(posted.status === 200 && posted.body.endsWith('<Response/>'), 'the webhook is acknowledged')
  return posted
}

/** The first frame of a kind. Throws an Error where there is none. */
export function frameOf<K extends ShownFrame['kind']>({ frames }: ShownExecution, kind: K): ShownFrame<K> {
  const frame = frames.find(each => each.kind === kind)
  if (frame === undefined) throw new Error(`there is no frame ${kind}`)
  return frame as ShownFrame<K>
}

/** Throws an Error that says what was expected, where it does not hold. */
export function expect(holds: boolean | undefined, what: string): asserts holds {
  if (holds !== true) throw new Error(`it was expected that ${what}`)
}
