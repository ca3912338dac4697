import type { Channel } from '../channels/channel.ts'
import type { Clock } from '../frames/clock.ts'
import type { Observe } from '../frames/event.ts'
import { type Execution, framesOf } from '../frames/execution.ts'
import { causeOf, Failure } from '../frames/failure.ts'
import type { AuditRecord } from '../store/audit.ts'
import type { RecordKey, Store, StoreRecord } from '../store/store.ts'

/** Audio that the other side no longer has to hold once it is kept here. */
export interface MediaToDelete {
  readonly execution: string
  readonly attachment: number
  readonly message: string
  readonly media: string
}

/** What is remembered of it until it is deleted: how often that was tried, and when it is tried again (ms). */
type ToDo = MediaToDelete & { readonly tries: number; readonly nextAt: number }

/** What the deleting works with. `toldOf` makes the audit record of a deletion that begins, or is done. */
export interface MediaDeletionParts {
  readonly store: Store
  readonly clock: Clock
  readonly observe: Observe
  readonly channelOf: (tenant: string) => Pick<Channel, 'deleteAudio'>
  readonly toldOf: (tenant: string, media: MediaToDelete, isDone: boolean, now: number) => AuditRecord
}

const lookEveryMs = 5_000
const perPage = 100
const firstPauseMs = 10_000
const longestPauseMs = 3_600_000
/** By then it was tried for five minutes. */
const alertAfter = 5
const step = 'delete-media'

/** Remembers, before audio is fetched, that it is to be deleted there: whatever dies afterwards, this is found. Idempotent. */
export async function willDeleteMedia(
  { store, clock }: Pick<MediaDeletionParts, 'store' | 'clock'>,
  tenant: string,
  media: MediaToDelete
): Promise<void> {
  const key: RecordKey = { ...of(tenant), id: `${media.execution}:${media.attachment}` }
  while (true) {
    const kept = await store.record(key)
    const toDo: ToDo = { ...media, tries: 0, nextAt: clock.now() }
    // Written anew where it stands already: somebody may be about to forget it.
    if (await store.putRecord(key, toDo, kept?.version ?? 0)) return
  }
}

/** Deletes every five seconds what is kept here by now (rule R21). Every process tries; a record of the store lets one of them. Returns the way to stop. */
export function keepMediaDeleted(parts: MediaDeletionParts & { tenants: readonly string[] }): () => Promise<void> {
  const stopping = new AbortController()
  const looks = parts.tenants.map(tenant => createMediaDeleter(parts, tenant))
  let looking: Promise<unknown> | null = null
  const timer = setInterval(() => {
    looking ??= Promise.all(looks.map(look => look(stopping.signal))).finally(() => {
      looking = null
    })
  }, lookEveryMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    stopping.abort()
    await looking
  }
}

/** Makes what looks once for what a tenant wants deleted. It never rejects. */
export function createMediaDeleter(parts: MediaDeletionParts, tenant: string): (signal: AbortSignal) => Promise<void> {
  return async signal => {
    try {
      let after: string | undefined
      do {
        const page = await parts.store.records(of(tenant), {
          limit: perPage,
          ...(after === undefined ? {} : { after })
        })
        for (const record of page) if (!signal.aborted) await work(parts, record, signal)
        after = page.length < perPage ? undefined : page.at(-1)?.id
      } while (after !== undefined && !signal.aborted)
    } catch {
      // The store says no for now; it is asked again soon, and who cannot write to it says so elsewhere.
    }
  }
}

function of(tenant: string): Pick<RecordKey, 'tenant' | 'user' | 'kind'> {
  return { tenant, user: 'server', kind: 'media-deletion' }
}

async function work(parts: MediaDeletionParts, record: StoreRecord, signal: AbortSignal): Promise<void> {
  const { store, clock, toldOf } = parts
  const { tenant, version } = record
  const toDo = record.data as ToDo
  if (toDo.nextAt > clock.now()) return
  const fate = fateOf(await store.read(toDo.execution), toDo)
  if (fate === 'forget') await store.putRecord(record, null, version)
  if (fate !== 'delete') return
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** toDo.tries)
  const tried: ToDo = { ...toDo, tries: toDo.tries + 1, nextAt: clock.now() + pauseMs }
  if (!(await store.putRecord(record, tried, version))) return
  await store.audit([toldOf(tenant, toDo, false, clock.now())])
  try {
    await parts.channelOf(tenant).deleteAudio(toDo, signal)
  } catch (error) {
    return tell(parts, tried, pauseMs, error)
  }
  await store.audit([toldOf(tenant, toDo, true, clock.now())])
  await store.putRecord(record, null, version + 1)
}

/** What was fetched is kept in the frame that says so. What ended without it was never kept, and is not ours to destroy. */
function fateOf(execution: Execution | null, { attachment }: ToDo): 'delete' | 'forget' | 'wait' {
  if (execution === null) return 'forget'
  const { n, frames, state } = execution
  // Purged or erased: then it shall not be there either.
  if (frames.length < n) return 'delete'
  if (framesOf(frames, 'audio.downloaded').some(({ data }) => data.attachment === attachment)) return 'delete'
  return ['queued', 'running', 'parked'].includes(state) ? 'wait' : 'forget'
}

/** A failure never touches the message: it is tried again, and the operator is told while it stays. */
function tell({ observe }: MediaDeletionParts, { execution, tries }: ToDo, retryInMs: number, error: unknown): void {
  const failure = error instanceof Failure ? error : new Failure('WORK_BROKEN', { cause: error })
  observe('attempt.failed', { execution, step, code: failure.code, cause: causeOf(failure), tries, retryInMs })
  if (tries >= alertAfter) observe('alert', { code: 'MEDIA_NOT_DELETED', execution })
}
