import { randomBytes } from 'node:crypto'
import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { keptKeys, wrappedKeys } from '../../src/kept-keys.ts'
import { openAuditKey } from '../../src/vault/audit-key.ts'
import { type ContentKeys, createContentKeys, keyCacheMs } from '../../src/vault/content-keys.ts'
import { openIndexKey } from '../../src/vault/index-key.ts'
import { createMasterKeys } from '../../src/vault/master-keys.ts'
import { rotateKeys } from '../../src/vault/rotate-keys.ts'
import { openStore } from '../store/open-sqlite.ts'

const [old, next] = [randomBytes(32), randomBytes(32)]
const owner = { tenant: 'AC1', user: 'ana' }
const piece = { place: 'here', content: 'words' }
const sealIn = async ({ enclose, close }: ContentKeys, of: typeof owner) => (await enclose(of, [piece])).map(close)
const there = (sealed: readonly Buffer[]) => sealed.map(bytes => ({ place: 'here', bytes }))

t.test(
  'a rotation that dies at any key is run again, and then the old master key opens none and is not needed',
  async t => {
    const { store } = await openStore(t)
    const at = (id: string) => ({ tenant: 'server', user: 'server', kind: 'key', id })
    const kept = (id: string) => ({
      read: async () => ((await store.record(at(id)))?.data as string | undefined) ?? null,
      write: (wrapped: string) => store.putRecord(at(id), wrapped, 0)
    })
    const keysUnder = (current: Buffer, following?: Buffer) => {
      const masterKeys = createMasterKeys(current, following, systemEntropy)
      const parts = { masterKeys, kept: keptKeys(store), clock: systemClock, entropy: systemEntropy, isShared: true }
      return { masterKeys, content: createContentKeys(parts) }
    }
    const before = keysUnder(old)
    await openIndexKey(before.masterKeys, kept('index'), systemEntropy)
    const signer = await openAuditKey(before.masterKeys, kept('audit'), systemEntropy)
    const sealed = await sealIn(before.content, owner)
    await sealIn(before.content, { ...owner, user: 'ben' })

    const both = keysUnder(old, next)
    for (let survived = 0; survived < 4; survived++) {
      let left = survived
      const dying = {
        ...wrappedKeys(store),
        async *all() {
          for await (const key of wrappedKeys(store).all()) {
            if (left-- === 0) throw new Error('killed')
            yield key
          }
        }
      }
      await t.rejects(rotateKeys(both.masterKeys, dying), /killed/)
      t.equal(
        String((await both.content.open(owner, there(sealed)))[0]),
        'words',
        'what was sealed opens all the while'
      )
    }
    const fresh = await sealIn(both.content, { ...owner, user: 'cem' })
    await rotateKeys(both.masterKeys, wrappedKeys(store))
    t.equal(await rotateKeys(both.masterKeys, wrappedKeys(store)), 0)

    const after = keysUnder(next)
    t.equal(String((await after.content.open(owner, there(sealed)))[0]), 'words')
    t.equal(String((await after.content.open({ ...owner, user: 'cem' }, there(fresh)))[0]), 'words')
    t.equal((await openAuditKey(after.masterKeys, kept('audit'), systemEntropy)).publicKey, signer.publicKey)
    await t.resolves(openIndexKey(after.masterKeys, kept('index'), systemEntropy))
    const late = keysUnder(old)
    await t.rejects(late.content.open(owner, there(sealed)), { code: 'KEY_UNAVAILABLE' })
    await t.rejects(sealIn(late.content, { ...owner, user: 'dan' }), { code: 'KEY_UNAVAILABLE' }, 'and wraps none')
    await t.rejects(
      openIndexKey(late.masterKeys, kept('index'), systemEntropy),
      /The master key does not open this store/
    )
  }
)

t.test('without a key that follows there is nothing to rotate to', async t => {
  const { store } = await openStore(t)
  const only = createMasterKeys(old, undefined, systemEntropy)
  await t.rejects(rotateKeys(only, wrappedKeys(store)), { code: 'NO_MASTER_KEY_NEXT' })
})

t.test('ten messages at once make one key, and a destroyed one is known as destroyed, not as missing', async t => {
  const { store } = await openStore(t)
  const masterKeys = createMasterKeys(old, undefined, systemEntropy)
  const kept = keptKeys(store)
  const content = createContentKeys({ masterKeys, kept, clock: systemClock, entropy: systemEntropy, isShared: true })
  const sealed = await Promise.all(Array.from({ length: 10 }, () => sealIn(content, owner)))
  t.equal((await kept.list(owner)).length, 1)
  const ids = await content.mark(owner)
  t.equal(String((await content.open(owner, there(sealed[0] ?? [])))[0]), 'words', 'a marked one still opens')
  const anew = await sealIn(content, owner)
  await content.destroy(owner, ids)
  t.strictSame(await content.open(owner, there(sealed.flat())), Array(10).fill(null))
  t.equal(String((await content.open(owner, there(anew)))[0]), 'words', 'who writes again has another key')
  t.strictSame(await content.mark({ ...owner, user: 'nobody' }), [])
  await t.rejects(content.open({ ...owner, user: 'ben' }, there(anew)), { code: 'KEY_UNAVAILABLE' })
})

t.test(
  'a key that another process destroyed opens no longer than is said; of an own store nobody need ask again',
  async t => {
    const { store, clock } = await openStore(t)
    const masterKeys = createMasterKeys(old, undefined, systemEntropy)
    const looks = { count: 0 }
    const records: typeof store.records = (...asked) => {
      looks.count++
      return store.records(...asked)
    }
    const record: typeof store.record = key => (isCut ? Promise.reject(new Error('cut off')) : store.record(key))
    let isCut = false
    const kept = keptKeys({ ...store, records, record })
    const time = { now: clock.now, monotonic: clock.now }
    const processOf = (isShared: boolean) =>
      createContentKeys({ masterKeys, kept, clock: time, entropy: systemEntropy, isShared })
    const [here, elsewhere] = [processOf(true), processOf(true)]
    const sealed = there(await sealIn(here, owner))
    t.equal(String((await elsewhere.open(owner, sealed))[0]), 'words')
    const once = looks.count
    clock.advance(100 * keyCacheMs)
    t.equal(String((await elsewhere.open(owner, sealed))[0]), 'words')
    t.equal(looks.count, once, 'while nobody is erased keys are looked up once')
    const marked = await here.mark({ ...owner, user: 'ben' })
    clock.advance(keyCacheMs)
    await elsewhere.open(owner, sealed)
    t.strictSame([marked, looks.count > once], [[], true], 'after any erasure, of whomever, they are looked up again')
    await here.destroy(owner, await here.mark(owner))
    clock.advance(keyCacheMs - 1)
    t.equal(String((await elsewhere.open(owner, sealed))[0]), 'words', 'it was looked up a moment ago')
    clock.advance(1)
    isCut = true
    await t.rejects(elsewhere.open(owner, sealed), { message: 'cut off' }, 'who cannot ask does not go on')
    isCut = false
    t.strictSame(await elsewhere.open(owner, sealed), [null])

    const alone = processOf(false)
    const own = there(await sealIn(alone, owner))
    const before = looks.count
    clock.advance(100 * keyCacheMs)
    await sealIn(alone, owner)
    t.equal(String((await alone.open(owner, own))[0]), 'words')
    t.equal(looks.count, before)
    await alone.destroy(owner, await alone.mark(owner))
    t.strictSame(await alone.open(owner, own), [null], 'its own erasure is known at once')
  }
)
