import { setTimeout as wait } from 'node:timers/promises'
import { type ServerProcess, until } from '../../stage.ts'
import { setField, type Teardown, type Wish } from '../field.ts'
import { bite, type Point } from '../points.ts'
import { judge, type Report } from '../verdict.ts'

/** Where the server falls asleep: at a point of its own, or while the world outside hears, thinks, or has taken an effect. */
export type Pause = Point | keyof typeof outside

const outside = {
  'mid-transcription': 'heard',
  'mid-thought': 'thought',
  'mid-tool': 'posted',
  'mid-send': 'taken'
} as const

const conversations: readonly (readonly Wish[])[] = [
  ['bell', 'long'],
  ['note', 'plain'],
  ['long', 'bell'],
  ['plain', 'note']
]

/** Stops the process for some leases in mid-step or in mid-effect and lets it wake up: what it then does is done once and in order. */
export async function pause(t: Teardown, at: Pause, leases: number): Promise<Report> {
  const field = await setField(t)
  for (const wishes of [...conversations, ...conversations]) field.person(wishes)
  const own = at in outside ? {} : { CHAOS_POINT: at, CHAOS_OCCURRENCE: '2', CHAOS_SIGNAL: 'SIGSTOP' }
  const server = await field.serve(own)
  let left = 2
  let slept = false
  if (at in outside) {
    field.meddling[outside[at as keyof typeof outside]] = async () => {
      if (--left !== 0) return
      process.kill(server.pid, 'SIGSTOP')
      slept = await wakeAfter(server, leases)
    }
  }
  const speaking = field.speak(server)
  if (!(at in outside)) {
    await until(() => server.output().includes(`${bite} ${at}`), 30_000, server)
    slept = await wakeAfter(server, leases)
  }
  await speaking
  await field.quiet()
  const code = await server.kill('SIGTERM')
  const lost = server.output().match(/"lease\.lost"/g)?.length ?? 0
  const remark = `${lost} leases lost`
  const report = await judge(field, {
    case: `SIGSTOP ${at}`,
    faults: Number(slept),
    remark,
    ends: () => 'done or unknown'
  })
  const problems = [
    ...(slept ? [] : ['the pause did not bite']),
    ...(code === 0 ? [] : [`the server left with ${code}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

const leaseMs = 2_000

async function wakeAfter(server: ServerProcess, leases: number): Promise<boolean> {
  await wait(leases * leaseMs)
  return process.kill(server.pid, 'SIGCONT')
}
