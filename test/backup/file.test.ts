import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { parseLine, toLine } from '../../src/backup/format.ts'
import { verifyBackup } from '../../src/backup/restore.ts'
import { writeBackup } from '../../src/backup/write-backup.ts'
import type { StoreSource } from '../../src/store/transfer.ts'
import { openSource } from '../../src/transfer.ts'
import { opensIndexKey } from '../../src/vault/index-key.ts'
import { message } from '../store/builders.ts'
import { change } from '../store/open-sqlite.ts'
import { fill, folder, masterKeys, placeOf, words } from './filled.ts'

const about = { backup: 'backup-1', madeAt: '2026-11-23T09:00:00.000Z', store: 'SQLite', server: '0.1.0' }
const opens = (kept: string) => opensIndexKey(masterKeys, JSON.parse(kept))
const refusalOf = (file: string) =>
  verifyBackup(file, opens).then(
    () => 'taken',
    (error: Error) => error.message
  )

t.test('a backup is two files that only their owner reads, and the keys stand in one of them alone', async t => {
  const { file } = await written(t)
  for (const path of [file, `${file}.keys`]) t.equal(statSync(path).mode & 0o777, 0o600)
  const text = gunzipSync(readFileSync(file)).toString()
  t.match(text, /"kind":"person"/)
  t.notMatch(text, /"kind":"key"/)
  t.match(readFileSync(`${file}.keys`, 'utf8'), /"kind":"key"/)
  t.equal(await refusalOf(file), 'taken')
})

t.test('a file that is cut off anywhere is refused', async t => {
  const { file } = await written(t)
  const whole = readFileSync(file)
  for (const share of [0, 0.001, 0.3, 0.6, 0.99]) {
    writeFileSync(file, whole.subarray(0, Math.floor(whole.length * share)))
    t.match(await refusalOf(file), /is cut off: its end is missing/, String(share))
  }
  writeFileSync(file, whole.subarray(0, -1))
  t.match(await refusalOf(file), /is cut off/)
  const lines = gunzipSync(whole).toString().trimEnd().split('\n')
  writeFileSync(file, gzipSync(`${lines.slice(0, -1).join('\n')}\n`))
  t.match(await refusalOf(file), /is cut off/)
})

t.test('a file with another byte anywhere is refused', async t => {
  const { file } = await written(t)
  const whole = readFileSync(file)
  const flip = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 0x01
    return copy
  }
  for (let i = 0; i < 40; i++) {
    writeFileSync(file, flip(whole, 10 + Math.floor(((whole.length - 10) * i) / 40)))
    t.match(await refusalOf(file), /is damaged or was altered|is cut off|is no backup/)
  }
  const text = gunzipSync(whole)
  for (let i = 0; i < 40; i++) {
    writeFileSync(file, gzipSync(flip(text, Math.floor((text.length * i) / 40))))
    t.match(await refusalOf(file), /is damaged or was altered|is cut off|is no backup/)
  }
})

t.test(
  'a broken chain is refused where it was whole in the store, and named where it was broken there already',
  async t => {
    const { file, place } = await written(t)
    writeFileSync(file, forged(file, '\\"part\\":0', '\\"part\\":7'))
    t.match(await refusalOf(file), /is damaged or was altered/)

    change(
      place.dataDir,
      `UPDATE frames SET json = replace(json, '"part":0', '"part":7') WHERE execution = 2 AND n = 2`
    )
    const { flawed } = await write(place, file)
    t.equal(flawed.length, 1)
    t.equal(await refusalOf(file), 'taken', 'what is left of it can be restored')
  }
)

t.test('bytes that are no base64 are refused', async t => {
  const blob = { type: 'blob', execution: 'e', n: 1, purgeAt: 1, bytes: Buffer.from([251, 255, 0, 1]) } as const
  const line = toLine(blob)
  t.strictSame(parseLine(line), blob)
  const [encoded] = /[^"]+(?="}$)/.exec(line) ?? ['']
  for (const text of ['+/8AA', '-_8AAQ==', '+/8A AQ==', '+/8AAQ', '*']) {
    t.throws(() => parseLine(line.replace(encoded, text)), { name: 'ZodError' }, text)
  }
})

t.test('an audit record is refused where it was changed in the file, and named where it was in the store', async t => {
  const { file, place } = await written(t)
  writeFileSync(file, forged(file, '\\"ms\\":1.5', '\\"ms\\":2.5'))
  t.match(await refusalOf(file), /is damaged or was altered/)

  const sql = (detail: string, id: string) => `UPDATE audit SET detail = '${detail}' WHERE id LIKE '${id}'`
  change(place.dataDir, sql('{"ms":2.5}', '%:2:intent'))
  change(place.dataDir, sql('{', '%:2:outcome'))
  const { flawed, counts } = await write(place, file)
  t.strictSame([...new Set(flawed.map(({ type }) => type))], ['audit'])
  t.ok(flawed.every(({ id }) => /:2:(intent|outcome)$/.test(id)))
  t.ok(flawed.length > 0 && flawed.length < counts.audit)
  t.equal(await refusalOf(file), 'taken', 'what is left of them can be restored')
  writeFileSync(file, forged(file, '{\\"ms\\":2.5}', '{\\"ms\\":3.5}'))
  t.equal(await refusalOf(file), 'taken', 'a hash that holds no more proves nothing')
  writeFileSync(file, forged(file, '"type":"audit","id":"told', '"type":"audit","id":"tald'))
  t.match(await refusalOf(file), /is damaged or was altered/)
})

t.test('what is no backup, or one of another version, is named', async t => {
  const { file } = await written(t)
  const put = (text: string) => writeFileSync(file, gzipSync(text))
  t.match(await refusalOf(join(folder(t), 'none')), /^There is no file/)
  writeFileSync(file, 'words')
  t.match(await refusalOf(file), /is no backup: name a file that/)
  put('{"type":"end"}\n')
  t.match(await refusalOf(file), /is no backup/)
  put(`${JSON.stringify({ type: 'header', format: 'knomly-backup', version: 3, ...about, server: '9.9.9' })}\n`)
  t.match(
    await refusalOf(file),
    /has version 3 of the format, .* reads versions 1 and 2: restore it with Knomly 9\.9\.9/
  )
})

t.test('the keys must be those of the backup, and open', async t => {
  const { file } = await written(t)
  const keys = JSON.parse(readFileSync(`${file}.keys`, 'utf8'))
  const put = (change: object) => writeFileSync(`${file}.keys`, JSON.stringify({ ...keys, ...change }))
  t.match(
    await verifyBackup(file, () => false).catch(error => error.message),
    /The master key does not open .*\.keys: use the MASTER_KEY/
  )
  put({ backup: 'backup-2' })
  t.match(await refusalOf(file), /holds the keys of another backup/)
  put({ keys: [] })
  t.match(await refusalOf(file), /is damaged or was altered/)
  writeFileSync(`${file}.keys`, '{')
  t.match(await refusalOf(file), /is damaged or was altered/)
})

t.test('a file in the way is kept unless it may be replaced, and a backup that fails leaves nothing', async t => {
  const { file, place } = await written(t)
  const before = readFileSync(file)
  await t.rejects(write(place, file, false), /is there already: name another file, or replace it with --force/)
  t.ok(before.equals(readFileSync(file)))
  await t.rejects(
    write(place, join(folder(t), 'none', 'backup')),
    /cannot be written \(ENOENT\): name a file in a folder/
  )
  const other = join(folder(t), 'backup')
  const broken: StoreSource = {
    // biome-ignore lint/correctness/useYield: it fails before it comes to that.
    async *entries() {
      throw new Error('the disk is gone')
    },
    close: async () => {}
  }
  await t.rejects(writeBackup({ file: other, force: false, source: broken, about }), /the disk is gone/)
  for (const path of [other, `${other}.part`, `${other}.keys`, `${other}.keys.part`]) t.notOk(existsSync(path), path)
})

t.test('a store that is only partly restored is not backed up', async t => {
  const { file, place } = await written(t)
  change(place.dataDir, `INSERT INTO records VALUES ('server', 'server', 'restore', 'under-way', 1, '"backup-0"')`)
  await t.rejects(write(place, file), /only partly restored: run that restore again/)
})

t.test('an execution is consistent while others are worked on', async t => {
  const place = placeOf(t, 'SQLite')
  const { store } = await place.open()
  for (let i = 0; i < 300; i++) await store.accept(message({ lane: `lane-${i}` }))
  const file = join(folder(t), 'backup')
  let stopped = false
  const busy = (async () => {
    while (!stopped) {
      const claim = await store.claim({ tenants: ['tenant-1'], owner: 'test', leaseMs: 60_000 })
      if (claim === null) return
      await store.finish(claim.lease, claim.execution.id, { state: 'done', frames: [], takeNext: false, purgeAt: null })
      await store.putRecord({ tenant: 't', user: 'u', kind: 'task', id: claim.execution.id }, { words }, 0)
    }
  })()
  const { counts, flawed } = await write(place, file)
  stopped = true
  await busy
  t.match(counts, { execution: 300 })
  t.strictSame(flawed, [])
})

type Place = ReturnType<typeof placeOf>

async function written(t: Test): Promise<{ file: string; place: Place }> {
  const place = placeOf(t, 'SQLite')
  await fill(await place.open())
  const file = join(folder(t), 'backup')
  await write(place, file)
  return { file, place }
}

/** A backup with other words in it, and a hash that fits them. */
function forged(file: string, words: string, others: string): Buffer {
  const whole = gunzipSync(readFileSync(file)).toString()
  const text = whole.replace(words, others)
  if (text === whole) throw new Error(`the backup does not say ${words}`)
  const body = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)
  const sha256 = createHash('sha256').update(body).digest('hex')
  return gzipSync(body + text.slice(body.length).replace(/"sha256":"\w+"/, `"sha256":"${sha256}"`))
}

async function write(place: Place, file: string, force = true) {
  const source = await openSource(place)
  return writeBackup({ file, force, source, about }).finally(() => source.close())
}
