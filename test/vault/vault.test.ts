import { createSecretKey, randomBytes } from 'node:crypto'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { open, seal } from '../../src/frames/cipher.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { approvalCodeOf, approvalTokenOf } from '../../src/vault/approval-code.ts'
import { openIndexKey, pseudonymOf } from '../../src/vault/index-key.ts'
import { readMasterKey } from '../../src/vault/master-key.ts'
import { createMasterKeys } from '../../src/vault/master-keys.ts'

t.test('the master key is made once, kept with mode 600 and found again', async t => {
  const dir = t.testdir()
  const key = readMasterKey(dir, undefined, systemEntropy)
  t.equal(key.length, 32)
  t.equal(statSync(join(dir, 'master.key')).mode & 0o777, 0o600)
  t.strictSame(readMasterKey(dir, undefined, systemEntropy), key)
})

t.test('a configured master key is used and no file is made', async t => {
  const dir = t.testdir()
  const key = randomBytes(32)
  t.strictSame(readMasterKey(dir, key, systemEntropy), key)
  t.throws(() => statSync(join(dir, 'master.key')), { code: 'ENOENT' })
})

t.test('a damaged master key file stops the start and says what to do', async t => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'master.key'), 'short')
  t.throws(() => readMasterKey(dir, undefined, systemEntropy), /restore it from a backup, or set MASTER_KEY/)
})

t.test('the tokens of the two buttons of a question are 128 bits each, and nobody has them without the key', t => {
  const [key, other] = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(32))]
  const tokens = ['a', 'b'].flatMap(hash =>
    ['approve', 'refuse'].flatMap(decision => [key, other].map(each => approvalTokenOf(each, hash, decision)))
  )
  t.equal(new Set(tokens).size, 8)
  for (const token of tokens) t.equal(Buffer.from(token, 'base64url').length, 16)
  t.equal(approvalTokenOf(key, 'a', 'approve'), tokens[0])
  t.match(approvalCodeOf(key, 'a'), /^\d{6}$/)
  t.end()
})

t.test('what is sealed opens under its key and label alone', async t => {
  const key = createSecretKey(randomBytes(32))
  const sealed = seal(key, 'a', Buffer.from('words'), systemEntropy)
  t.equal(open(key, 'a', sealed).toString(), 'words')
  t.throws(() => open(key, 'b', sealed))
  t.throws(() => open(createSecretKey(randomBytes(32)), 'a', sealed))
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed)
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i)
    t.throws(() => open(key, 'a', changed), `byte ${i} changed`)
  }
})

t.test('the index key is made once, and only its master key opens it', async t => {
  let kept: string | null = null
  const store = {
    read: async () => kept,
    write: async (wrapped: string) => {
      if (kept !== null) return false
      kept = wrapped
      return true
    }
  }
  const master = createMasterKeys(randomBytes(32), undefined, systemEntropy)
  const [first, second] = await Promise.all([
    openIndexKey(master, store, systemEntropy),
    openIndexKey(master, store, systemEntropy)
  ])
  t.strictSame(first.export(), second.export())
  const wrong = await openIndexKey(
    createMasterKeys(randomBytes(32), undefined, systemEntropy),
    store,
    systemEntropy
  ).catch(error => error)
  t.match(wrong, { message: /The master key does not open this store/ })
})

t.test('a pseudonym is 22 characters, steady, and differs by tenant and address', async t => {
  const key = createSecretKey(randomBytes(32))
  const name = pseudonymOf(key, 'AC1', 'whatsapp:+15550001111')
  t.match(name, /^[A-Za-z0-9_-]{22}$/)
  t.equal(pseudonymOf(key, 'AC1', 'whatsapp:+15550001111'), name)
  t.not(pseudonymOf(key, 'AC2', 'whatsapp:+15550001111'), name)
  t.not(pseudonymOf(key, 'AC1', '+15550001111'), name)
})
