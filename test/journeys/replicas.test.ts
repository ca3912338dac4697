import t, { type Test } from 'tap'
import { createCaller } from '../../src/simulator/caller.ts'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import {
  accountSid,
  authToken,
  freePort,
  ours,
  type ServerProcess,
  type Stage,
  setStage,
  startMs,
  startProcess,
  until
} from '../stage.ts'

process.env.MONGODB_URI = process.env.TEST_MONGODB_URI

t.test('the same webhook a hundred times over two receivers is one execution and one reply', async t => {
  const { stage, callersOf } = await start(t)
  const callers = callersOf('whatsapp:+15550000001')
  const params = stage.caller.textParams('What is on my list?', { From: 'whatsapp:+15550000001' })
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => callers[i % 2]!.raw(params)))
  t.strictSame([...new Set(answers.map(answer => answer.status))], [200])
  await stage.ended(String(params.MessageSid))
  await stage.settled()
  t.equal(stage.read('whatsapp:+15550000001').length, 1)
})

t.test(
  'a worker that is killed leaves its conversations to the other, and each message is answered once, in order',
  async t => {
    const { stage, callersOf, workers } = await start(t)
    const people = Array.from({ length: 10 }, (_, i) => `whatsapp:+1555000${1_000 + i}`)
    const sids: string[] = []
    const talking = people.map(async person => {
      const callers = callersOf(person)
      for (let i = 0; i < 4; i++) {
        const { status, messageSid } = await callers[i % 2]!.text(`Add "${person} ${i}" to my list`)
        t.equal(status, 200)
        sids.push(messageSid)
      }
    })
    await until(() => stage.twilio.messages.length >= 8, 30_000)
    await workers[0].kill('SIGKILL')
    const answered = stage.twilio.messages.length
    await Promise.all(talking)
    for (const sid of sids) await stage.ended(sid, ['done', 'unknown'], 60_000)
    t.ok(answered < sids.length, `the fault bit: ${answered} of ${sids.length} were answered before`)
    for (const person of people) {
      const answers = stage.read(person)
      t.equal(answers.length, 4)
      t.equal(new Set(answers).size, 4, answers.join(' | '))
    }
  }
)

t.test('receivers share the limit of a sender, and workers the list of a person', async t => {
  const { stage, callersOf } = await start(t, { RATE_LIMIT_PER_SENDER: '5' })
  const callers = callersOf('whatsapp:+15550000002')
  const sids: string[] = []
  for (let i = 0; i < 9; i++) sids.push((await callers[i % 2]!.text(`Add "thing ${i}" to my list`)).messageSid)
  const ends = await Promise.all(sids.map(sid => stage.ended(sid, ['done', 'refused'], 60_000)))
  const refused = ends.filter(({ frames }) => frames.some(frame => frame.kind === 'message.refused'))
  t.equal(refused.length, 4)
})

/** Two receivers and two workers, each a process of its own, on one database. */
async function start(t: Test, more: Record<string, string> = {}) {
  const stage = await setStage(t, { agent: demoAgent, env: { LEASE_SECONDS: '2', ...more } })
  await stage.start({ WORKER_CONCURRENCY: '0' })
  const second = await startBeside(t, stage, { WORKER_CONCURRENCY: '0' })
  const workers = [await startBeside(t, stage, {}), await startBeside(t, stage, {})] as const
  const callersOf = (from: string) =>
    [stage.url, second.url].map(deliverTo =>
      createCaller({
        accountSid,
        authToken,
        publicUrl: stage.url,
        deliverTo,
        from,
        to: ours,
        addMedia: stage.twilio.addMedia
      })
    )
  return { stage, callersOf, workers: workers.map(({ server }) => server) as [ServerProcess, ServerProcess] }
}

async function startBeside(t: Test, stage: Stage, more: Record<string, string>) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = startProcess('src/server.ts', { ...stage.env, ...more, PORT: String(port) })
  t.teardown(() => server.kill('SIGKILL'))
  await until(async () => (await fetch(`${url}/health/ready`)).ok, startMs, server)
  return { server, url }
}
