import { setTimeout as wait } from 'node:timers/promises'
import type { ServerProcess } from '../../stage.ts'
import { setField, type Teardown, type Wish } from '../field.ts'
import { judge, type Report } from '../verdict.ts'

const conversations: readonly (readonly Wish[])[] = [
  ['bell', 'long'],
  ['note', 'plain'],
  ['long', 'bell'],
  ['plain', 'note']
]

/** Where the world stops the server: while it listens, while the model thinks, while an effect is on its way. */
export type Pause = 'heard' | 'thought' | 'posted' | 'taken'

/** Stops the process for longer than its leases in mid-step and in mid-effect, several times, and lets it wake up. */
export async function pauses(t: Teardown, plan: readonly Pause[], leases = 2): Promise<Report> {
  const field = await setField(t)
  const server = await field.serve()
  let stopped = 0
  for (const at of plan) {
    for (const wishes of conversations) field.person(wishes)
    let left = 2
    const struck = Promise.withResolvers<void>()
    field.meddling[at] = async () => {
      if (--left !== 0) return
      await sleep(server, leases * leaseMs)
      stopped += 1
      struck.resolve()
    }
    await field.speak(server)
    await Promise.race([struck.promise, wait(20_000, undefined, { ref: false })])
  }
  await field.quiet()
  const lost = (server.output().match(/"lease\.lost"/g) ?? []).length
  const code = await server.kill('SIGTERM')
  const report = judge(field, {
    case: `SIGSTOP ${plan.join(', ')}`,
    faults: stopped,
    remark: `${lost} leases lost`,
    ends: () => 'done or unknown'
  })
  const problems = [
    ...(stopped === plan.length ? [] : [`${plan.length - stopped} pauses did not bite`]),
    ...(code === 0 ? [] : [`the server left with ${code}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

const leaseMs = 2_000

async function sleep(server: ServerProcess, ms: number): Promise<void> {
  process.kill(server.pid, 'SIGSTOP')
  await wait(ms)
  process.kill(server.pid, 'SIGCONT')
}
