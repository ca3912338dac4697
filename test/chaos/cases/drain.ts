import { setTimeout as wait } from 'node:timers/promises'
import { until } from '../../stage.ts'
import { setField, type Teardown, type Wish } from '../field.ts'
import { judge, type Report } from '../verdict.ts'

/** How the server is asked to go in the middle of its work. */
export type Ending = 'SIGTERM' | 'SIGTERM twice' | 'SIGKILL while it drains'

const conversations: readonly (readonly Wish[])[] = [
  ['note', 'long'],
  ['bell', 'plain']
]

/**
 * Ends the server while eight conversations are at work with a slow model (and one that is slower than the grace) and more wait.
 * One that drains leaves within 25 s with 0 and no effect in the dark; after any end the next server finishes everything.
 */
export async function drain(t: Teardown, ending: Ending, slowest = 3_000): Promise<Report> {
  const field = await setField(t, { WORKER_CONCURRENCY: '8' })
  const sluggard = field.person(['plain'])[0]?.name
  for (let i = 0; i < 6; i++) for (const wishes of conversations) field.person(wishes)
  let slow = true
  let thinking = 0
  field.meddling.thought = async name => {
    thinking += 1
    if (slow) await wait(name === sluggard ? slowest : 1_500, undefined, { ref: false })
  }
  const server = await field.serve()
  const speaking = field.speak(server)
  await until(() => thinking >= 8, 30_000)
  const began = performance.now()
  const leaving = server.kill('SIGTERM')
  if (ending !== 'SIGTERM') {
    await wait(500)
    void server.kill(ending === 'SIGTERM twice' ? 'SIGTERM' : 'SIGKILL')
  }
  const code = await leaving
  const seconds = (performance.now() - began) / 1_000
  await speaking
  slow = false
  const next = await field.serve()
  await field.speak(next)
  await field.quiet()
  await next.kill('SIGTERM')
  const ends = ending === 'SIGTERM' ? 'done' : 'done or unknown'
  const report = await judge(field, {
    case: `${ending === 'SIGTERM' ? 'C13' : 'C14'} ${ending}`,
    struck: ending.includes('SIGKILL') ? { kills: 1 } : { others: 1 },
    ends: () => ends
  })
  const expected = { SIGTERM: 0, 'SIGTERM twice': 1, 'SIGKILL while it drains': null }[ending]
  const problems = [
    ...(code === expected ? [] : [`the server left with ${code} and not ${expected}`]),
    ...(seconds <= 25 ? [] : [`the server took ${seconds.toFixed(1)} s to leave`]),
    ...(ending === 'SIGTERM' && report.unknown > 0 ? [`the drain left ${report.unknown} outcomes unknown`] : [])
  ]
  return { ...report, remark: `left after ${seconds.toFixed(1)} s`, problems: [...report.problems, ...problems] }
}
