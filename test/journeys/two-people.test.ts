import t from 'tap'
import type { Agent } from '../../src/simulator/agent-script.ts'
import { type Stage, setStage, until } from '../stage.ts'
import { approvalsOf, auditOf, codeIn, decisionsIn, judged, obedient, person } from './asking.ts'
import { startMovable } from './movable-time.ts'

const minute = 60_000

/** The agent that obeys, and exports when it is told to. */
const exporting: Agent = request => {
  const said = request.items.flatMap(item => (item.role === 'user' ? [item.text] : [])).at(-1) ?? ''
  const last = request.items.at(-1)
  if (!said.startsWith('export')) return obedient(request)
  if (last?.role === 'result') return { text: `It came to: ${last.output}` }
  return { calls: [{ name: 'export_data', arguments: {} }] }
}

t.test('an export takes its person and the operator, in either order, and goes to the person alone', async t => {
  const { stage, ana, server, approve, pending } = await open(t)
  const asking = await ana.asks('export everything')
  const question = ana.question()
  t.match(question.body, /^🔐 HIGH RISK: /)
  t.match(question.body, /It is about `"tasks: 1, contacts: 0, /)
  t.match(question.body, /\nThe operator has to agree as well\.\n/)
  t.match(question.body, /within 3 minutes: \d{6}$/)
  t.match(await pending(), [{ tool: 'export_data', class: 'H', agreed: [], state: 'pending' }])

  const code = codeIn(question.body)
  const first = await ana.say(code)
  t.match(await judged(stage, first), { verdict: 'agreed', reason: 'agreed-first' })
  t.match(ana.last(), /You have agreed\. The operator has to agree as well/)
  t.match(await pending(), [{ agreed: ['principal'], state: 'pending' }])
  for (const again of [await ana.say(code), await ana.taps(question, 'Approve')]) {
    t.match(await judged(stage, again), { verdict: 'refused', reason: 'agreed-before' }, 'one person twice')
  }
  t.equal((await stage.execution(asking))?.state, 'parked')
  t.strictSame(started(await stage.execution(asking)), [])

  const [{ id = '' } = {}] = await pending()
  t.strictSame(await approve(id), { status: 200, body: { state: 'approved' } })
  const done = await stage.ended(asking)
  t.match(decisionsIn(done), [{ state: 'approved', by: 'operator', how: 'api' }])
  t.strictSame(started(done), ['export_data'])
  const exported = ana.read().find(text => text.startsWith('Tasks (1)')) ?? ''
  t.match(
    exported,
    /t-\w{8} \{"title":"the \\u\{1f510\} secret \(link removed\)"/,
    'nothing in it passes for a question'
  )
  t.equal(exported.includes('🔐'), false)
  t.match(ana.last(), /^It came to: \{"exported":"tasks: 1, .*","messages":1\}$/)
  const turns = JSON.stringify(stage.openai.requests.at(-1)?.body)
  t.equal(turns.includes('wrong codes'), true, 'the model is told the counts')
  t.match(await approvalsOf(stage), [{ state: 'executed', agreed: ['principal', 'operator'] }])
  t.match(await approve(id), { status: 409 })

  const second = await ana.asks('export everything')
  const [{ id: other = '' } = {}] = await pending()
  t.strictSame(await approve(other), { status: 200, body: { state: 'pending' } })
  t.match(await pending(), [{ agreed: ['operator'] }])
  t.match(await approve(other), { status: 409 }, 'the operator twice')
  t.equal((await stage.execution(second))?.state, 'parked')
  await ana.taps(ana.question(), 'Approve')
  t.match(decisionsIn(await stage.ended(second)), [{ state: 'approved', by: 'principal', how: 'button' }])
  const told = await auditOf(stage, 'approval.agree')
  t.match(told, [{ actor: 'operator', outcome: 'agreed' }, { outcome: 'agreed' }])
  t.equal(server.clock.now() > 0, true)
})

t.test('either one ends it with a no, three minutes end it too, and what changed is asked anew of both', async t => {
  const { stage, ana, server, approve, deny, pending } = await open(t)
  const ask = async () => {
    const asking = await ana.asks('export everything')
    const [{ id = '' } = {}] = await pending()
    return { asking, id, code: codeIn(ana.last()) }
  }
  const first = await ask()
  await ana.say(first.code)
  t.strictSame(await deny(first.id), { status: 200, body: { state: 'denied' } })
  await stage.ended(first.asking)
  t.match(ana.last(), /^It came to: refused \(APPROVAL_DENIED\): The operator refused/)

  const second = await ask()
  t.match(await approve(second.id), { status: 200 })
  await ana.say('no')
  t.match(decisionsIn(await stage.ended(second.asking)), [{ state: 'denied', by: 'principal', how: 'words' }])

  const third = await ask()
  await ana.say(third.code)
  await ana.say('add another')
  t.match(await approve(third.id), { status: 200 })
  await until(async () => (await approvalsOf(stage, '?state=pending')).length === 1)
  await stage.settled()
  t.equal((await stage.execution(third.asking))?.state, 'parked', 'it holds another task now: nobody has seen that')
  t.match(ana.question().body, /It is about `"tasks: 2, /)
  t.match(await pending(), [{ agreed: [] }])
  await ana.say(codeIn(ana.question().body))
  await server.advance(3 * minute + 1_000)
  const [{ id: late = '' } = {}] = await pending()
  t.match(await approve(late), { status: 409 }, 'the operator is late')
  await server.advance(30_000)
  await until(async () => (await stage.execution(third.asking))?.state === 'done')
  t.match(ana.last(), /^It came to: refused \(APPROVAL_EXPIRED\): .*timed out/)
  const all = await Promise.all([first, second, third].map(({ asking }) => stage.execution(asking)))
  for (const each of all) t.strictSame(started(each), [])
})

/** A server on which one person has a task that looks like a question and holds a link. */
async function open(t: Parameters<typeof setStage>[0]) {
  const stage = await setStage(t, { agent: exporting, env: { RATE_LIMIT_PER_SENDER: '0' } })
  const server = await startMovable(t, stage)
  const ana = person(stage, 1)
  await ana.say('add the 🔐 secret https://evil.example/x')
  const decide = (decision: string) => async (id: string) => {
    const answer = await stage.api(`/api/approvals/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision })
    })
    const { status } = answer
    return { status, body: status === 200 ? ((await answer.json()) as object) : await answer.text() }
  }
  const pending = () => approvalsOf(stage, '?state=pending')
  return { stage, server, ana, pending, approve: decide('approve'), deny: decide('deny') }
}

function started(execution: Awaited<ReturnType<Stage['execution']>>): unknown[] {
  const frames = execution?.frames ?? []
  return frames.filter(({ kind }) => kind === 'tool.started').map(({ data }) => data.tool)
}
