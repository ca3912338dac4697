import type { Db } from 'mongodb'
import type { Clock } from '../../frames/clock.ts'
import { type Collections, indexes, schemaVersion } from './collections.ts'

type Fact = { name: string; ok: boolean; detail: string }

const oldestMajor = 6
const clockToleranceMs = 2_000
/** A webhook must be answered within five seconds, and its write is not all it waits for. */
const slowWriteMs = 1_000

/**
 * Makes the indexes that are missing, and notes the schema. Throws a plain Error for a server that is no replica set, for an index of
 * another shape and for a database of another schema, which is left as it is.
 */
export async function prepareDatabase(db: Db, collections: Collections): Promise<void> {
  const { setName } = await db.command({ hello: 1 })
  if (typeof setName !== 'string') {
    throw new Error(
      'MONGODB_URI names no replica set: start mongod with --replSet (one member will do) and initiate it.'
    )
  }
  await checkVersion(collections)
  for (const [name, wanted] of Object.entries(indexes)) {
    await collections[name as keyof typeof indexes].createIndexes([...wanted]).catch(async error => {
      throw isConflict(error) ? await conflict(collections) : error
    })
  }
  await noteUnsealed(collections)
  await collections.meta.updateOne(
    { _id: 'schema' },
    { $set: { version: schemaVersion, hasBlocks: true } },
    { upsert: true }
  )
}

/** Once: what was told before there were blocks waits to be sealed. */
async function noteUnsealed({ meta, audit }: Collections): Promise<void> {
  if ((await meta.findOne({ _id: 'schema' }))?.hasBlocks) return
  await audit.updateMany({ block: { $exists: false } }, { $set: { unsealed: true } })
}

/** Whether there is a store at all. Throws a plain Error for one of another schema. */
export async function checkVersion({ meta }: Pick<Collections, 'meta'>): Promise<boolean> {
  const known = await meta.findOne({ _id: 'schema' })
  const version = known?.version ?? schemaVersion
  if (version === schemaVersion) return known !== null
  throw new Error(
    `The database has schema version ${version}, and this build of Knomly reads version ${schemaVersion}. ` +
      'It was left as it is: start the build that wrote it, or name another database in MONGODB_URI.'
  )
}

async function conflict(collections: Collections): Promise<Error> {
  const wrong = (await wrongIndexes(collections)).join(', ')
  return new Error(
    `Indexes are not as this build needs them (${wrong}): drop those that are there, they are made at the next start.`
  )
}

/** The facts about the store that `doctor` shows. */
export async function inspectDatabase(db: Db, collections: Collections, clock: Clock): Promise<Fact[]> {
  const hello = await db.command({ hello: 1 })
  const { version } = await db.command({ buildInfo: 1 })
  const distanceMs = Math.round(hello.localTime.getTime() - clock.now())
  const known = await collections.meta.findOne({ _id: 'schema' })
  const wrong = await wrongIndexes(collections)
  const writeMs = await timeWrite(collections, clock)
  return [
    { name: 'store', ok: true, detail: `MongoDB ${version}, database ${db.databaseName}` },
    {
      name: 'replica set',
      ok: typeof hello.setName === 'string',
      detail: hello.setName ?? 'none: MongoDB must run as a replica set'
    },
    {
      name: 'version',
      ok: Number.parseInt(version, 10) >= oldestMajor,
      detail: `${version}, at least ${oldestMajor}.0 needed`
    },
    { name: 'schema', ok: known?.version === schemaVersion, detail: `version ${known?.version ?? 'none'}` },
    {
      name: 'indexes',
      ok: wrong.length === 0,
      detail: wrong.length === 0 ? 'all there' : `not as needed: ${wrong.join(', ')}`
    },
    {
      name: 'clock',
      ok: Math.abs(distanceMs) <= clockToleranceMs,
      detail: `the server's is ${distanceMs} ms from ours`
    },
    {
      name: 'durability',
      ok: writeMs <= slowWriteMs,
      detail: `a write is on a majority, journaled, after ${writeMs} ms; ${slowWriteMs} at most`
    }
  ]
}

/** The time of one write under the concern of all of them. Rejects where no majority takes it. */
async function timeWrite({ meta }: Collections, clock: Clock): Promise<number> {
  const started = clock.monotonic()
  await meta.updateOne({ _id: 'probe' }, { $inc: { writes: 1 } }, { upsert: true })
  return Math.round(clock.monotonic() - started)
}

async function wrongIndexes(collections: Collections): Promise<string[]> {
  const wrong: string[] = []
  for (const [name, wanted] of Object.entries(indexes)) {
    const found = await collections[name as keyof typeof indexes].indexes()
    for (const { name: index, key, partialFilterExpression: partial } of wanted) {
      const there = found.find(each => each.name === index)
      const same = JSON.stringify([there?.key, there?.partialFilterExpression]) === JSON.stringify([key, partial])
      if (!same) wrong.push(`${name}.${index}`)
    }
  }
  return wrong
}

/** IndexOptionsConflict and IndexKeySpecsConflict of MongoDB's error codes. */
function isConflict(error: { code?: unknown }): boolean {
  return error.code === 85 || error.code === 86
}
