import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import type { ShownRecord } from '../../src/store/audit.ts'
import { lookBehind } from '../audit/behind.ts'
import { masterKey } from '../backup/filled.ts'
import { runHere } from '../commands.ts'
import { accountSid, type Stage, setStage, until } from '../stage.ts'
import { uriOf } from '../store/open-mongodb.ts'

for (const kind of ['SQLite', 'MongoDB'] as const) {
  t.test(
    `${kind}: the audit of a server is verified while it runs and after, exported, and checked elsewhere`,
    async t => {
      const stage = await setStage(t, { agent: demoAgent })
      const database = kind === 'MongoDB' ? uriOf(`verify-${process.pid}`) : undefined
      const env = {
        DATA_DIR: stage.dataDir,
        MASTER_KEY: masterKey.toString('base64'),
        ...(database && { MONGODB_URI: database })
      }
      const heads = join(stage.dataDir, 'audit-heads.jsonl')
      const verify = (...args: string[]) => runHere(env, 'audit', 'verify', ...args)
      t.match(await verify(), { code: 2, output: /^incomplete {2}It could not be checked: .*no store/m })

      const server = await stage.start(env)
      const { messageSid } = await stage.caller.text('Add a task: call the plumber tomorrow at nine')
      await stage.ended(messageSid)
      const [record] = await sealedRecords(stage, `messaging:${accountSid}:${messageSid}`)
      t.ok((record?.block ?? 0) >= 1, 'what is shown names the block')
      t.equal(await stage.metric('knomly_audit_unsealed_seconds'), 0)
      await until(() => existsSync(heads))
      t.match(await verify(), {
        code: 0,
        output: new RegExp(`^${accountSid}: blocks 1 to \\d+, .*\n(.*\n)*.*The audit is whole.`, 'm')
      })

      t.equal(await server.kill('SIGTERM'), 0)
      const whole = await verify()
      t.match(whole, {
        code: 0,
        output: /^server: blocks 1 to (\d+), \d+ records, signed up to \1\. Head: [0-9a-f]{64}$/m
      })
      const lines = server
        .output()
        .split('\n')
        .filter(line => line.includes('"audit.head"'))
      t.match(JSON.parse(lines.at(-1) ?? '{}'), {
        tenant: /^(server|AC)/,
        hash: /^[0-9a-f]{64}$/,
        signature: /^[\w-]{86}$/
      })
      t.notMatch(readFileSync(heads, 'utf8'), /plumber|15551234567/)

      await t.test('an export is checked without the store', t => checksExport(t, env))

      await t.test('what was changed is named, by exit code 1, and what is missing by 2', async t => {
        const behind = await lookBehind(t, { ...env, databaseUri: database, dataDir: stage.dataDir } as never)
        const row = (await behind.rows('audit')).find(({ action }) => action === 'tool.call')
        await behind.put('audit', { ...row, outcome: 'refused' })
        t.match(await verify('--tenant', accountSid), {
          code: 1,
          output: new RegExp(`^tampered    record ${row?.id} was changed`, 'm')
        })
        t.match(await verify('--tenant', 'server'), { code: 0 })
        t.match(await verify('--from', '999'), { code: 0 }, 'nothing is looked at')
        await behind.put('audit', row ?? {})
        const kept = readFileSync(heads, 'utf8')
        rmSync(heads)
        t.match(await verify(), { code: 2, output: /^incomplete {2}The file of heads is not there/m })
        writeFileSync(heads, kept)
        t.match(await verify('--heads', join(stage.dataDir, 'none')), { code: 2, output: /There is no file/ })
        t.match(await verify('--key', 'A'.repeat(43)), { code: 1, output: /signed by another key/ })
        t.match(await verify(), { code: 0 })
      })
    }
  )
}

t.test('a database that does not answer is told as incomplete', async t => {
  const uri = 'mongodb://127.0.0.1:9/x?replicaSet=rs0&serverSelectionTimeoutMS=300'
  const answered = await runHere({ MONGODB_URI: uri, MASTER_KEY: masterKey.toString('base64') }, 'audit', 'verify')
  t.match(answered, { code: 2, output: /The store does not answer/ })
  t.match(await runHere({}, 'audit', 'verify', '--nonsense'), { code: 2 })
  t.match(await runHere({}, 'audit'), { code: 1, output: /Say what/ })
})

async function checksExport(t: Test, env: Record<string, string>): Promise<void> {
  const elsewhere = mkdtempSync(join(tmpdir(), 'knomly-export-'))
  t.teardown(() => rmSync(elsewhere, { recursive: true }))
  const file = join(elsewhere, 'export.jsonl')
  t.match(await runHere(env, 'audit', 'export', file), { code: 0, output: /^2 chains with the signed heads are in/ })
  t.match(await runHere(env, 'audit', 'export', file), { code: 1, output: /is there already/ })
  const check = (...more: string[]) => runHere({ DATA_DIR: elsewhere }, 'audit', 'verify', file, ...more)
  t.match(await check(), { code: 0, output: /^An export of 20.*\n(.*\n)*The audit is whole\./ })
  const text = readFileSync(file, 'utf8')
  const lines = text.trimEnd().split('\n')
  const { key } = JSON.parse(lines[0] ?? '{}')
  t.match(await check('--key', key), { code: 0 })
  t.match(await check('--key', 'A'.repeat(43)), { code: 1 })
  t.match((await runHere(env, 'audit', 'export', '--tenant', 'server')).output, /^\{"type":"header"/)

  const broken = async (changed: readonly string[]) => {
    writeFileSync(file, `${changed.join('\n')}\n`)
    return (await check()).code
  }
  for (const [i, line] of lines.entries()) {
    if (i > 0) t.not(await broken(lines.toSpliced(i, 1)), 0, `without line ${i + 1}: ${line.slice(0, 40)}`)
    const at = Math.floor(line.length * 0.7)
    t.not(
      await broken(lines.with(i, `${line.slice(0, at)}${line[at] === '1' ? '2' : '1'}${line.slice(at + 1)}`)),
      0,
      `line ${i + 1} changed`
    )
  }
  writeFileSync(file, text)
}

async function sealedRecords(stage: Stage, execution: string): Promise<ShownRecord[]> {
  let records: ShownRecord[] = []
  await until(async () => {
    records = ((await (await stage.api(`/api/audit?execution=${execution}`)).json()) as { records: ShownRecord[] })
      .records
    return records.length >= 2 && records.every(({ block }) => block !== undefined)
  })
  return records
}
