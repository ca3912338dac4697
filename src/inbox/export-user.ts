import type { Execution } from '../frames/execution.ts'
import { allRecords } from '../store/all-records.ts'
import type { Store } from '../store/store.ts'

const perPage = 50

/** What is kept of a person, a line each, in JSON: their messages with all frames, newest first, then what tools keep for them. */
export async function* exportUser(
  store: Store,
  { tenant, principal }: { tenant: string; principal: string }
): AsyncGenerator<object> {
  for await (const { id, state, at, n, closed, frames } of executionsOf(store, principal)) {
    const shown = frames.map(({ n, kind, at, data, provenance }) => ({ n, kind, at, data, provenance }))
    yield { type: 'execution', id, state, at, n, ...(closed !== undefined && { closed }), frames: shown }
    for (const { n: place } of frames.filter(({ kind }) => kind === 'audio.downloaded')) {
      const bytes = await store.blob(`${id}:${place}`)
      if (bytes !== null)
        yield { type: 'audio', execution: id, n: place, base64: Buffer.from(bytes).toString('base64') }
    }
  }
  for await (const { kind, id, data } of allRecords(store, { tenant, user: principal })) {
    yield { type: 'record', kind, id, data }
  }
}

async function* executionsOf(store: Store, lane: string): AsyncGenerator<Execution> {
  const newest = (await store.conversation(lane, 1))?.executions.at(-1)
  const first = newest === undefined ? null : await store.read(newest.id)
  if (first === null) return
  yield first
  for (let last: Execution | undefined = first; last !== undefined; ) {
    const page: Execution[] = await store.earlier(lane, last.id, perPage)
    yield* page
    last = page.at(-1)
  }
}
