import type { Execution } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import type { Frame } from '../frames/frame.ts'
import { createSealedContent, isSealed, type SealedContent } from './sealed-content.ts'
import type { Owner, Sealing } from './sealing.ts'
import type { Extras, Lease, RecordKey, Store, StoreRecord } from './store.ts'

const mostOwners = 2_000

/**
 * The same store, with everything that people say sealed on its way in and opened on its way out: data and salt of frames, bytes, and
 * the records of users. Heads of frames stay readable, so that a chain can be checked by whoever cannot open it.
 */
export function createSealedStore(store: Store, sealing: Sealing): Store {
  const content = createSealedContent(sealing)
  const owners = createOwners(store)
  const open = async (execution: Execution) => {
    owners.learn(execution)
    return opened(content, execution)
  }
  const openAll = (executions: readonly Execution[]) => Promise.all(executions.map(open))
  async function sealStep(lease: Lease, id: string, frames: readonly Frame[], extras?: Extras) {
    const owner = ownerOf(lease)
    const sealed = await content.sealFrames(owner, frames)
    const more = await content.sealExtras(owner, id, frames, extras)
    return { frames: sealed, ...(more !== undefined && { extras: more }) }
  }
  const goingOn = async ({ ended, next }: { ended: boolean; next: Execution | null }) => {
    return { ended, next: next === null ? null : await open(next) }
  }

  const underWay = new Set<Promise<unknown>>()
  /** A write that was asked for before the close is made before it. */
  function writing<T>(write: () => Promise<T>): Promise<T> {
    const made = write()
    const ended = () => void underWay.delete(made)
    underWay.add(made)
    made.then(ended, ended)
    return made
  }

  return {
    ...store,
    accept: message =>
      writing(async () =>
        store.accept({ ...message, frames: await content.sealFrames(ownerOf(message), message.frames) })
      ),
    async claim(options) {
      const claim = await store.claim(options)
      return claim === null ? null : { ...claim, execution: await open(claim.execution) }
    },
    append: (lease, id, frames, extras) =>
      writing(async () => {
        const kept = await sealStep(lease, id, frames, extras)
        return store.append(lease, id, kept.frames, kept.extras)
      }),
    note: (id, frame, extras) =>
      writing(async () => store.note(id, await content.sealFrame(await owners.of(id), frame), extras)),
    finish: (lease, id, { frames, extras, ...end }) =>
      writing(async () =>
        goingOn(await store.finish(lease, id, { ...end, ...(await sealStep(lease, id, frames, extras)) }))
      ),
    park: (lease, id, { frames, extras, ...parking }) =>
      writing(async () =>
        goingOn(await store.park(lease, id, { ...parking, ...(await sealStep(lease, id, frames, extras)) }))
      ),
    decide: (id, frame, approval, audit) =>
      writing(async () => store.decide(id, await content.sealFrame(await owners.of(id), frame), approval, audit)),
    reopen: (id, frame, audit) =>
      writing(async () => store.reopen(id, await content.sealFrame(await owners.of(id), frame), audit)),
    cancel: (id, frames, options) =>
      writing(async () => store.cancel(id, await content.sealFrames(await owners.of(id), frames), options)),
    due: async limit => openAll(await store.due(limit)),
    async read(id) {
      const execution = await store.read(id)
      return execution === null ? null : open(execution)
    },
    earlier: async (lane, before, limit) => openAll(await store.earlier(lane, before, limit)),
    unsettled: async lane => openAll(await store.unsettled(lane)),
    async questions(query) {
      const { executions, next } = await store.questions(query)
      return { executions: await openAll(executions), next }
    },
    async blob(id) {
      const bytes = await store.blob(id)
      return bytes === null ? null : content.openBytes(await owners.of(id.slice(0, id.lastIndexOf(':'))), id, bytes)
    },
    async record(key) {
      const record = await store.record(key)
      return record === null ? null : openRecord(content, record)
    },
    async records(of, page) {
      const records = await store.records(of, page)
      const found = await Promise.all(records.map(record => openRecord(content, record)))
      return found.filter(record => record !== null)
    },
    async recordsUnder(of, page) {
      const records = await store.recordsUnder(of, page)
      return Promise.all(records.map(async record => (await openRecord(content, record)) ?? { ...record, data: null }))
    },
    putRecord: (key, data, expected) =>
      writing(async () => {
        const kept = data === null || !isContent(key) ? data : await content.sealData(key, expected + 1, data)
        return store.putRecord(key, kept, expected)
      }),
    async close() {
      await Promise.allSettled(underWay)
      await store.close()
    }
  }
}

/** What the server itself keeps holds nobody's words: keys, switches, marks; of a person, their pseudonyms and whether they said STOP. */
function isContent({ user, kind }: RecordKey): boolean {
  return user !== 'server' && kind !== 'person'
}

function ownerOf({ tenant, lane }: Pick<Execution, 'tenant' | 'lane'>): Owner {
  return { tenant, user: lane }
}

/** What cannot be opened is an execution without frames: one bad row must not hide the others of a list, nor stop the worker that takes it. */
async function opened(content: SealedContent, execution: Execution): Promise<Execution> {
  if (!execution.frames.some(isSealed)) return execution
  try {
    const frames = await content.openFrames(ownerOf(execution), execution.frames)
    return frames === null ? { ...execution, frames: [], closed: 'erased' } : { ...execution, frames }
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'STORE_UNAVAILABLE') throw error
    return { ...execution, frames: [], closed: 'unreadable' }
  }
}

async function openRecord(content: SealedContent, record: StoreRecord): Promise<StoreRecord | null> {
  if (!isContent(record)) return record
  const data = await content.openData(record, record.version, record.data)
  return data === undefined ? null : { ...record, data }
}

/** Whose an execution is, as it was last seen: those who write to one have read it before. */
function createOwners(store: Pick<Store, 'read'>) {
  const known = new Map<string, Owner>()
  function learn({ id, tenant, lane }: Pick<Execution, 'id' | 'tenant' | 'lane'>): Owner {
    if (known.size >= mostOwners) known.clear()
    const owner = { tenant, user: lane }
    known.set(id, owner)
    return owner
  }
  return {
    learn,
    async of(id: string): Promise<Owner> {
      const owner = known.get(id)
      if (owner !== undefined) return owner
      const execution = await store.read(id)
      // Nothing will be written to what is not there: the store refuses it.
      return execution === null ? { tenant: 'server', user: 'nobody' } : learn(execution)
    }
  }
}
