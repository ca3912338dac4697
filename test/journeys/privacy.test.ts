import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { BSON, MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { runHere } from '../commands.ts'
import { accountSid, type Shown, type Stage, setStage, until, voice } from '../stage.ts'

const asha = 'whatsapp:+15550100001'
const ben = 'whatsapp:+15550100002'
const note = voice('p01-request')

t.test(
  'what was said is in no store in clear; an erased person is gone here and from yesterday’s backup, and others stay',
  async t => {
    const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
    const dir = folder(t)
    await stage.start()
    const first = await stage.callerOf(asha).text('Remind me to buy marzipan')
    await stage.callerOf(asha).voiceNote({ bytes: note.bytes })
    const other = await stage.callerOf(ben).text('Remind me to buy turnips')
    await stage.settled()
    const seen = await dumpOf(stage)
    for (const word of ['marzipan', 'turnips', '15550100001', '15550100002']) t.notMatch(seen, new RegExp(word), word)

    const backup = join(dir, 'yesterday')
    t.match(await runHere(stage.env, 'backup', backup), { code: 0 })
    t.notMatch(textOf(backup), /marzipan|turnips|1555010000/)
    const exported = join(dir, 'asha.jsonl')
    t.match(await runHere(stage.env, 'user', 'export', asha, exported), { code: 0 })
    const lines = readFileSync(exported, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    t.match(JSON.stringify(lines), /marzipan/)
    t.notMatch(JSON.stringify(lines), /turnips/)
    t.ok(lines.some(({ type }) => type === 'audio') && lines.some(({ type }) => type === 'record'))
    const wrapped = keysIn(`${backup}.keys`, lines[0].principal)
    t.equal(wrapped.length, 1)
    t.ok((await dumpOf(stage)).includes(wrapped[0] ?? 'none'), 'the search for the key finds it as long as it is there')

    t.match(await runHere(stage.env, 'user', 'erase', asha), { code: 0, output: /1 key destroyed/ })
    t.notOk((await dumpOf(stage)).includes(wrapped[0] ?? ''), 'the key is in no byte of the store')
    t.notOk(textOf(backup).includes(wrapped[0] ?? ''), 'nor of the backup without its keys')
    t.match(await stage.execution(first.messageSid), { closed: 'erased', frames: [] })
    t.match(await stage.execution(other.messageSid), { state: 'done' })
    t.match(await runHere(stage.env, 'backup', join(dir, 'today')), { code: 0 }, 'every chain is whole')
    // Records are sealed a moment after they are written, and then the head is signed.
    const heads = join(stage.dataDir, 'audit-heads.jsonl')
    await until(async () => existsSync(heads) && (await stage.metric('knomly_audit_unsealed_seconds')) === 0)
    t.match(await runHere(stage.env, 'audit', 'verify'), { code: 0, output: /The audit is whole\.$/m })
    t.match(await runHere(stage.env, 'user', 'erase', asha), { code: 0, output: /Nothing that could be read/ })

    await stage.callerOf(asha).text('What is on my list?')
    await stage.settled()
    t.equal(stage.read(asha).at(-1), 'Your list is empty.')
    await restoresWithout(t, stage, { backup, dir, first: first.messageSid, other: other.messageSid })
  }
)

t.test('erasing calls off what is open, also a question that waits, and the person begins anew', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  await stage.start()
  const caller = stage.callerOf(asha)
  await caller.text('Remind me to buy marzipan')
  await stage.settled()
  const asking = await caller.text('Delete the task about marzipan')
  await stage.ended(asking.messageSid, ['parked'])
  t.match(await runHere(stage.env, 'user', 'erase', asha), { code: 0, output: /1 open message called off/ })
  t.match(await stage.execution(asking.messageSid), { state: 'cancelled', frames: [] })
  const { approvals } = (await (await stage.api('/api/approvals?state=pending')).json()) as { approvals: [] }
  t.strictSame(approvals, [])
  const { records } = (await (await stage.api('/api/audit?action=user.erase')).json()) as { records: [] }
  t.match(records, [
    { actor: 'operator', outcome: 'done' },
    { actor: 'operator', outcome: null }
  ])
})

t.test(
  'the master key is rotated while messages are worked; afterwards the old one opens nothing and is not needed',
  async t => {
    const stage = await setStage(t, { agent: demoAgent })
    const keys = { old: keyOf('old'), next: keyOf('next') }
    const both = { MASTER_KEY: keys.old, MASTER_KEY_NEXT: keys.next }
    const server = await stage.start(both)
    const people = Array.from({ length: 12 }, (_, i) => `whatsapp:+1555020000${String(i).padStart(2, '0')}`)
    for (const one of people.slice(0, 6)) await stage.callerOf(one).text('Remind me to buy marzipan')
    const rotating = runHere({ ...stage.env, ...both }, 'keys', 'rotate')
    const posted = []
    for (const one of [...people, ...people]) posted.push(await stage.callerOf(one).text('What is on my list?'))
    t.match(await rotating, { code: 0, output: /keys? wrapped anew/ })
    for (const { messageSid } of posted) t.match(await stage.ended(messageSid), { state: 'done' })
    t.equal(await stage.metric('knomly_alerts_total'), 0)
    t.match(
      await runHere({ ...stage.env, ...both }, 'keys', 'rotate'),
      { code: 0, output: /^0 keys/ },
      'again changes nothing'
    )
    await server.kill('SIGTERM')

    const refused = await stage.start({ MASTER_KEY: keys.old }).catch(error => error)
    t.match(refused, { message: /The master key does not open this store/ })
    const after = await stage.start({ MASTER_KEY: keys.next })
    const again = await stage.callerOf(people[0] ?? '').text('What is on my list?')
    t.match(await stage.ended(again.messageSid), { state: 'done' })
    t.match(stage.read(people[0] ?? '').at(-1), /marzipan/i)
    await stage.callerOf('whatsapp:+15550299999').text('Remind me to buy turnips')
    await stage.settled()
    t.match(await runHere({ ...stage.env, MASTER_KEY: keys.next }, 'keys', 'rotate'), {
      code: 1,
      output: /MASTER_KEY_NEXT/
    })
    await after.kill('SIGTERM')
  }
)

/** What a restore of the old backup with all its keys brings back, where the ledger is at hand. */
async function restoresWithout(
  t: Test,
  stage: Stage,
  { backup, dir, first, other }: { backup: string; dir: string; first: string; other: string }
): Promise<void> {
  const data = join(dir, 'restored')
  const { MONGODB_URI: _, MASTER_KEY, ...env } = stage.env
  const key = MASTER_KEY ?? readFileSync(join(stage.dataDir, 'master.key'), 'utf8').trim()
  const place = { ...env, DATA_DIR: data, MASTER_KEY: key }
  const ledger = join(stage.dataDir, 'erased.jsonl')
  t.match(await runHere(place, 'restore', backup, '--erased', ledger), { code: 0 })
  const again = await setStage(t, { agent: demoAgent, env: { DATA_DIR: data, MASTER_KEY: key } })
  await again.start({ MONGODB_URI: '' })
  t.match(await again.execution(first), { closed: 'erased', frames: [] })
  t.equal(((await again.execution(other)) as Shown).frames[0]?.kind, 'text.received')
}

/** Every byte of the embedded store, or every document of the database, as text. */
async function dumpOf({ env, dataDir }: Stage): Promise<string> {
  const uri = env.MONGODB_URI
  if (uri === undefined) {
    const files = readdirSync(dataDir).filter(name => name.startsWith('knomly.sqlite'))
    return files.map(name => readFileSync(join(dataDir, name), 'latin1')).join('\n')
  }
  const client = new MongoClient(uri)
  try {
    const collections = await client.db().collections()
    const docs = await Promise.all(collections.map(collection => collection.find().toArray()))
    return docs
      .flat()
      .map(doc => BSON.EJSON.stringify(doc))
      .join('\n')
  } finally {
    await client.close()
  }
}

function textOf(backup: string): string {
  return gunzipSync(readFileSync(backup)).toString()
}

function keysIn(file: string, principal: string): string[] {
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys: { user: string; data: string }[] }
  return keys.filter(({ user }) => user === `${accountSid}/${principal}`).map(({ data }) => JSON.parse(data).wrapped)
}

function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('base64')
}

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-privacy-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
