import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/audit/finding.ts'
import { signHead } from '../../src/audit/heads.ts'
import { readHeads } from '../../src/audit/heads-file.ts'
import { verifyStore } from '../../src/audit/verify-store.ts'
import { openerOf } from '../../src/frame-opener.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { type Frame, relinkFrame } from '../../src/frames/frame.ts'
import { jcsHash } from '../../src/frames/jcs.ts'
import { noTail } from '../../src/frames/tail.ts'
import { blockHashOf, rootOf } from '../../src/store/audit-block.ts'
import { appendLines } from '../../src/store/durable-file.ts'
import type { Store } from '../../src/store/store.ts'
import { openAudit } from '../../src/transfer.ts'
import { type AuditKey, openAuditKey } from '../../src/vault/audit-key.ts'
import { auditRecord, folder, type Kind, masterKeys, type Place, placeOf } from '../backup/filled.ts'
import { message, step } from '../store/builders.ts'
import { claim, day, done } from '../store/contract/moves.ts'
import { type Behind, lookBehind, type Row, type Table } from './behind.ts'

const tenant = 'tenant-1'

for (const kind of ['SQLite', 'MongoDB'] as const) {
  t.test(`${kind}: what is done to the audit behind the server's back`, async t => {
    const ground = await sealed(t, kind)
    const { behind, verify, files } = ground
    const found = async () => (await verify()).map(sentence)
    const [first, second, other] = await recordsIn(behind, 1)
    t.strictSame(await found(), [], 'nothing is found where nothing was done')

    await t.test('each field of a record, changed', async t => {
      for (const [field, value] of Object.entries(first as Row)) {
        if (field === 'execution' && value === null) continue
        await undone(behind, 'audit', first as Row, { ...first, [field]: flipped(value) }, async () => {
          const findings = await verify()
          const places = new Set(findings.map(({ where }) => where))
          t.ok(
            findings.some(({ is, where }) => is === 'tampered' && where === `record ${first?.id}`),
            field
          )
          t.equal(places.size, field === 'id' ? 2 : 1, `nothing else is accused: ${findings.map(sentence)}`)
        })
      }
    })

    await t.test('each field of a block, changed', async t => {
      for (const n of [1, 2, 3]) {
        const block = await blockOf(behind, n)
        for (const [field, value] of Object.entries(block)) {
          if (field === '_id') continue
          await undone(behind, 'audit_blocks', block, { ...block, [field]: flipped(value) }, async () => {
            const findings = await verify()
            t.ok(
              findings.some(
                ({ is, where }) => is === 'tampered' && new RegExp(`^blocks? ${tenant}:${n}\\b`).test(where)
              ),
              `${field} of ${n}: ${findings.map(sentence)}`
            )
          })
        }
      }
    })

    await t.test('a record changed together with its hash', async t => {
      const forged = rehashed({ ...first, actor: 'somebody-else' }, kind)
      await undone(behind, 'audit', first as Row, forged, async () => {
        t.strictSame(await found(), [`tampered record ${first?.id} is not the one that block ${tenant}:1 sealed`])
      })
    })

    await t.test('a record that claims to be in another block', async t => {
      await undone(behind, 'audit', first as Row, { ...first, block: 2 }, async () => {
        t.match(await found(), [/claims to be in block tenant-1:2 and is in block tenant-1:1$/, /was put there/])
      })
    })

    await t.test('a record removed', async t => {
      await behind.remove('audit', first as Row)
      t.strictSame(await found(), [`tampered record ${first?.id} is gone; it is in block ${tenant}:1`])
      await behind.put('audit', first as Row)
    })

    await t.test('two records swapped, with their hashes', async t => {
      await behind.put('audit', rehashed({ ...second, id: first?.id }, kind))
      await behind.put('audit', rehashed({ ...first, id: second?.id }, kind))
      const named = (await verify()).map(({ where }) => where).toSorted()
      t.strictSame(named, [`record ${first?.id}`, `record ${second?.id}`].toSorted())
      await behind.put('audit', first as Row)
      await behind.put('audit', second as Row)
    })

    await t.test('a record added to a block, and one put in the place of another', async t => {
      const stranger = rehashed({ ...other, id: 'stranger' }, kind)
      const added = `tampered record stranger was put there: it claims to be in block ${tenant}:1, which does not name it`
      await behind.put('audit', stranger)
      t.strictSame(await found(), [added])
      await behind.remove('audit', other as Row)
      t.match(await found(), [/^tampered record .* is gone; it is in block tenant-1:1$/])
      await behind.put('audit', other as Row)
      await behind.remove('audit', stranger)
    })

    await t.test('a record added outside of the blocks', async t => {
      const { block: _, ...rest } = rehashed({ ...other, id: 'stranger' }, kind)
      const places: [Table, Row][] = [
        ...(kind === 'SQLite' ? [['audit_unsealed', rest] as [Table, Row]] : []),
        ['audit', kind === 'SQLite' ? { ...rest, block: 4 } : { ...rest, unsealed: true }]
      ]
      for (const [table, stranger] of places) {
        await behind.put(table, stranger)
        t.match(await found(), [/^incomplete record stranger has been in no block for more than a minute/])
        await behind.remove(table, stranger)
      }
    })

    await t.test('a block removed, with its records and without', async t => {
      for (const n of [1, 2]) {
        const block = await blockOf(behind, n)
        const records = await recordsIn(behind, n)
        await behind.remove('audit_blocks', block)
        t.ok((await found()).includes(`tampered block ${tenant}:${n} is gone from the chain`))
        for (const record of records) await behind.remove('audit', record)
        t.strictSame(await found(), [`tampered block ${tenant}:${n} is gone from the chain`])
        for (const record of records) await behind.put('audit', record)
        await behind.put('audit_blocks', block)
      }
    })

    await t.test('the end of the chain cut off is seen by the head that was signed', async t => {
      const block = await blockOf(behind, 3)
      const records = await recordsIn(behind, 3)
      await behind.remove('audit_blocks', block)
      for (const record of records) await behind.remove('audit', record)
      t.match(await found(), [
        /^tampered block tenant-1:3 is gone: the end of the chain was cut off, whose head was signed at 20/
      ])
      await behind.put('audit_blocks', block)
      for (const record of records) await behind.put('audit', record)
    })

    await t.test('a block that was made anew is seen by the next one, and the last by its head', async t => {
      for (const n of [2, 3]) {
        const block = await blockOf(behind, n)
        const record = (await recordsIn(behind, n))[0] as Row
        const content = JSON.parse(String(block.content))
        content.records = content.records.filter(([id]: [string]) => id !== record.id)
        await behind.remove('audit', record)
        const forged = resealed({ ...block, content: JSON.stringify(content), count: content.records.length })
        await undone(behind, 'audit_blocks', block, forged, async () => {
          const seen =
            n === 3
              ? /^tampered block tenant-1:3 is not the one whose head was signed at/
              : /^tampered block tenant-1:3 does not follow block tenant-1:2 as that is now$/
          t.match(await found(), [seen])
        })
        await behind.put('audit', record)
      }
    })

    await t.test('frames', async t => {
      const id = ground.execution
      const frames = await behind.frames(id)
      const all = frames.map(json => JSON.parse(json) as Frame)
      const words = JSON.stringify({ ...all[1], data: { part: 7, attempt: 1 } })
      await behind.setFrames(id, [frames[0] ?? '', words, ...frames.slice(2)])
      t.strictSame(await found(), [`tampered frame ${id}:2 was changed: it does not hold what was committed to`])
      await behind.setFrames(id, frames.slice(0, -1))
      t.match(await found(), [/^tampered frame/, /^tampered frame/])
      const forged = relinked(all.map(frame => (frame.n === 1 ? { ...frame, at: '2020-01-01T00:00:00.000Z' } : frame)))
      const last = forged.at(-1) as Frame
      await behind.setFrames(
        id,
        forged.map(frame => JSON.stringify(frame)),
        last
      )
      t.match(await found(), [/^tampered frame .* is not the one that was sealed: it or one before it was changed$/])
      const shorter = forged.slice(0, 1)
      await behind.setFrames(
        id,
        shorter.map(frame => JSON.stringify(frame)),
        shorter[0]
      )
      t.match(await found(), [/^tampered frame .*:2 is gone, and all after it/])
      await behind.setFrames(id, frames, all.at(-1))
      t.strictSame(await found(), [])
    })

    await t.test('an execution removed, and a key replaced', async t => {
      const rows = await behind.rows('executions')
      const row = rows.find(each => (each.id ?? each._id) === ground.execution) as Row
      await behind.remove('executions', row)
      t.strictSame(await found(), [`tampered execution ${ground.execution} is gone`])
      await behind.put('executions', row)
      t.match(await ground.verify('A'.repeat(43)), [{ where: /^the head of/, what: /signed by another key/ }])
    })

    await t.test('the file of heads', async t => {
      const head = (await readHeads(files))?.heads[0] as unknown as Row
      for (const [field, value] of Object.entries(head)) {
        writeFileSync(files, `${JSON.stringify({ ...head, [field]: flipped(value) })}\n`)
        t.equal((await found()).length, 1, field)
      }
      writeFileSync(files, `{"type":"head","ten\n${JSON.stringify(head)}\n`)
      t.match(await found(), [/^incomplete line 1 of .* is no head: a crash cut it off, or it was changed$/])
      rmSync(files)
      t.match(await found(), [/^incomplete The file of heads is not there/])
      writeFileSync(files, `${JSON.stringify(head)}\n`)
      t.strictSame(await found(), [])
    })

    await t.test('what retention took is not missed, and what it did not is', async t => {
      const [block] = [await blockOf(behind, 1)]
      const records = await recordsIn(behind, 1)
      for (const record of records) await behind.remove('audit', record)
      await undone(behind, 'audit_blocks', block, emptied(block, kind), async () => {
        t.match(await found(), [/^tampered block tenant-1:1 lost its records before their time/])
      })
      for (const record of records) await behind.put('audit', record)

      ground.clock.advance(401 * day)
      await ground.store.sweep()
      t.equal((await recordsIn(behind, 1)).length, 0)
      t.strictSame(await found(), [])
      await ground.store.audit([auditRecord({ at: new Date(ground.clock.now()).toISOString() })])
      await ground.store.seal()
      t.strictSame(await found(), [])
      await behind.remove('audit', (await recordsIn(behind, 4))[0] as Row)
      t.match(await found(), [/^tampered record told-\d+ is gone; it is in block tenant-1:4$/])
    })
  })
}

/** A store with a chain of three blocks whose head is signed, and the ways to look at it. */
async function sealed(t: Test, kind: Kind) {
  const place = placeOf(t, kind)
  const { store, clock } = await place.open()
  const at = () => new Date(clock.now()).toISOString()
  const execution = await worked(store)
  for (let n = 1; n <= 3; n++) {
    await store.audit(
      [1, 2, 3].map(ms => auditRecord({ at: new Date(clock.now() + ms).toISOString(), actor: `actor-${ms}` }))
    )
    if (n === 1) await store.audit([auditRecord({ id: `${execution}:2:outcome`, execution, at: at() })])
    await store.seal()
  }
  const key = await keyOf(store)
  const files = join(folder(t), 'heads.jsonl')
  await appendLines(
    files,
    (await store.auditHeads()).map(head => signHead(head, key, Date.now()))
  )
  const verify = (publicKey = key.publicKey) => verified(place, { publicKey, file: files, now: clock.now() })
  return { store, clock, execution, files, verify, behind: await lookBehind(t, place) }
}

async function verified(
  place: Place,
  { publicKey, file, now }: { publicKey: string; file: string; now: number }
): Promise<Finding[]> {
  const findings: Finding[] = []
  const read = await readHeads(file)
  const source = await openAudit(place)
  const tell = (finding: Finding) => void findings.push(finding)
  const rules = {
    from: 1,
    files: read === null ? [] : [read],
    publicKey,
    open: openerOf(source, masterKeys),
    expiredBefore: now - 400 * day,
    now: now + 120_000,
    tell
  }
  await verifyStore(source, rules).finally(() => source.close())
  return findings
}

function keyOf(store: Store): Promise<AuditKey> {
  const at = { tenant: 'server', user: 'server', kind: 'key', id: 'audit' }
  const kept = { read: async () => null, write: (wrapped: string) => store.putRecord(at, wrapped, 0) }
  return openAuditKey(masterKeys, kept, systemEntropy)
}

/** An execution of four frames. */
async function worked(store: Store): Promise<string> {
  const { id } = message()
  await store.accept(message({ id }))
  const { lease, execution } = (await claim(store))!
  const two = step(execution)
  const three = step(two, id)
  await store.append(lease, id, [two, three])
  await store.finish(lease, id, { ...done, frames: [step(three, id)], takeNext: false })
  return id
}

/** Changes a row for as long as it is looked at. */
async function undone(behind: Behind, table: Table, row: Row, changed: Row, look: () => Promise<void>): Promise<void> {
  await behind.remove(table, row)
  await behind.put(table, changed)
  await look()
  await behind.remove(table, changed)
  await behind.put(table, row)
}

function flipped(value: unknown): unknown {
  if (value instanceof Date) return new Date(value.getTime() + 1)
  if (typeof value === 'number') return value + 1_000
  if (value === null) return 'x'
  const text = String(value)
  const at = Math.floor(text.length / 2)
  return `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`
}

async function recordsIn(behind: Behind, n: number): Promise<Row[]> {
  return (await behind.rows('audit')).filter(({ block }) => block === n)
}

async function blockOf(behind: Behind, n: number): Promise<Row> {
  return (await behind.rows('audit_blocks')).find(block => block.n === n) as Row
}

/** A record with the hash of what it says, as somebody who knows how would write it. */
function rehashed(row: Row, kind: Kind): Row {
  const { block, hash: _, ...said } = row
  const at = kind === 'SQLite' ? new Date(Number(said.at)).toISOString() : (said.at as Date).toISOString()
  return { ...said, block, hash: jcsHash({ ...said, at, detail: JSON.parse(String(said.detail)) }) }
}

function resealed(block: Row): Row {
  const said = { ...block, root: rootOf(String(block.content)) } as unknown as Parameters<typeof blockHashOf>[0]
  return { ...said, hash: blockHashOf(said) }
}

function emptied({ content: _, ...block }: Row, kind: Kind): Row {
  return kind === 'SQLite' ? { ...block, content: null } : block
}

function relinked(frames: readonly Frame[]): Frame[] {
  const made: Frame[] = []
  for (const frame of frames) made.push(relinkFrame(frame, made.at(-1) ?? noTail))
  return made
}

function sentence({ is, where, what }: Finding): string {
  return `${is} ${where} ${what}`
}
