import type { DatabaseSync } from 'node:sqlite'
import { close, type Envelope } from '../../frames/cipher.ts'
import { systemEntropy } from '../../frames/entropy.ts'
import type { Frame } from '../../frames/frame.ts'
import { enclosedIn } from '../enclosed.ts'
import type { Extras } from '../store.ts'
import { createAuditWriter } from './audit.ts'

/** A frame on its way to the disk: its text, or that of its head with what is sealed where it is written. */
export interface Page {
  readonly n: number
  readonly hash: string
  readonly json: string
  readonly envelope?: Envelope
}

/** Frames on their way to the thread that writes. */
export function encode(frames: readonly Frame[]): Page[] {
  return frames.map(frame => {
    const { n, hash } = frame
    const closed = enclosedIn(frame)
    if (closed === null) return { n, hash, json: JSON.stringify(frame) }
    return { n, hash, json: JSON.stringify(closed.head), envelope: closed.envelope }
  })
}

function textOf({ json, envelope }: Page): string {
  if (envelope === undefined) return json
  return `${json.slice(0, -1)},"sealed":"${close(envelope, systemEntropy).toString('base64url')}"}`
}

/** Whether `pages` are exactly the next ones after position `n`. */
export function follow(pages: readonly Page[], n: number): boolean {
  return pages.every((page, i) => page.n === n + 1 + i)
}

export type Journal = ReturnType<typeof createJournal>

/** What an execution, named by its arrival number, consists of: its frames, the names it took and its bytes. What is told of it is written with them, and outlives them. */
export function createJournal(db: DatabaseSync) {
  const insertFrame = db.prepare('INSERT INTO frames (execution, n, json) VALUES (?, ?, ?)')
  const insertRef = db.prepare('INSERT INTO refs (ref, execution) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const insertBlob = db.prepare('INSERT INTO blobs (execution, n, purge_at, bytes) VALUES (?, ?, ?, ?)')
  const selectFrames = db.prepare('SELECT json FROM frames WHERE execution = ? ORDER BY n')
  const selectRef = db.prepare('SELECT id FROM refs JOIN executions ON arrival = execution WHERE ref = ?')
  const selectBlob = db.prepare(
    'SELECT bytes FROM executions JOIN blobs ON execution = arrival WHERE digest = digest(?) AND blobs.n = ?'
  )
  const { tell } = createAuditWriter(db)
  const erasures = ['frames', 'refs', 'blobs'].map(table => db.prepare(`DELETE FROM ${table} WHERE execution = ?`))

  return {
    write(execution: number, pages: readonly Page[], { refs = [], blob, audit }: Extras = {}): void {
      for (const page of pages) insertFrame.run(execution, page.n, textOf(page))
      for (const ref of refs) insertRef.run(ref, execution)
      const first = pages[0]
      if (blob !== undefined && first !== undefined) insertBlob.run(execution, first.n, blob.purgeAt, blob.bytes)
      if (audit !== undefined) tell([...audit.intents, ...audit.outcomes])
    },
    frames(execution: number): string[] {
      return selectFrames.all(execution).map(row => row.json as string)
    },
    find(ref: string): string | null {
      return (selectRef.get(ref)?.id as string | undefined) ?? null
    },
    blob(id: string): Uint8Array | null {
      const colon = id.lastIndexOf(':')
      const row = selectBlob.get(id.slice(0, colon), Number(id.slice(colon + 1)))
      return (row?.bytes as Uint8Array | undefined) ?? null
    },
    erase(execution: number): void {
      for (const erasure of erasures) erasure.run(execution)
    }
  }
}
