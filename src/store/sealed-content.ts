import type { Envelope } from '../frames/cipher.ts'
import type { Frame, Head } from '../frames/frame.ts'
import { type Enclosed, enclosed } from './enclosed.ts'
import type { Owner, Sealing, Unsealed } from './sealing.ts'
import type { Extras, RecordKey } from './store.ts'

/** A frame as it is kept: `sealed` stands for its data and its salt (base64url). */
type SealedFrame<S extends string | Enclosed = string> = Head & { readonly sealed: S }

// Before bytes that are sealed; no kind of audio begins with it.
const mark = Buffer.from('\0knomly1')

export type SealedContent = ReturnType<typeof createSealedContent>

/** Whether the content of a frame is sealed: those of an older store are not. */
export function isSealed(frame: object): boolean {
  return 'sealed' in frame
}

/** Seals and opens each kind of content in its own place, which names it, so that nothing opens where it was not kept. */
export function createSealedContent(sealing: Sealing) {
  async function sealFrames(owner: Owner, frames: readonly Frame[]): Promise<Frame[]> {
    if (frames.length === 0) return []
    const pieces = frames.map(frame => ({
      place: placeOf(frame),
      content: JSON.stringify({ data: frame.data, salt: frame.salt })
    }))
    const envelopes = await sealing.enclose(owner, pieces)
    return envelopes.map((envelope, i) => {
      const { data: _data, salt: _salt, ...head } = frames[i] as Frame
      const kept: SealedFrame<Enclosed> = { ...head, sealed: enclosed(head, envelope, sealing.close) }
      // The adapters look at the position and the hash of a frame alone.
      return kept as unknown as Frame
    })
  }

  async function seal(owner: Owner, piece: Unsealed): Promise<Buffer> {
    const [envelope] = await sealing.enclose(owner, [piece])
    return sealing.close(envelope as Envelope)
  }

  return {
    sealFrames,
    async sealFrame(owner: Owner, frame: Frame): Promise<Frame> {
      const [sealed] = await sealFrames(owner, [frame])
      return sealed as Frame
    },
    /** Null where the key of one of them was destroyed: without it the others say nothing that could be gone on with. */
    async openFrames(owner: Owner, frames: readonly Frame[]): Promise<Frame[] | null> {
      const closed = frames.filter(isSealed) as unknown as SealedFrame[]
      const pieces = closed.map(frame => ({ place: placeOf(frame), bytes: Buffer.from(frame.sealed, 'base64url') }))
      const opened = await sealing.open(owner, pieces)
      if (opened.includes(null)) return null
      let next = 0
      return frames.map(frame => {
        if (!isSealed(frame)) return frame
        const { sealed: _, hash, ...head } = frame as unknown as SealedFrame
        return { ...head, ...JSON.parse(String(opened[next++])), hash } as Frame
      })
    },
    /** Seals the bytes among extras, which belong to the first of the frames. */
    async sealExtras(owner: Owner, id: string, frames: readonly Frame[], extras?: Extras): Promise<Extras | undefined> {
      const first = frames[0]
      if (extras?.blob === undefined || first === undefined) return extras
      const { bytes, purgeAt } = extras.blob
      const sealed = await seal(owner, { place: blobPlace(`${id}:${first.n}`), content: bytes })
      return { ...extras, blob: { bytes: Buffer.concat([mark, sealed]), purgeAt } }
    },
    async openBytes(owner: Owner, id: string, kept: Uint8Array): Promise<Uint8Array | null> {
      if (mark.compare(kept, 0, mark.length) !== 0) return kept
      const [bytes = null] = await sealing.open(owner, [{ place: blobPlace(id), bytes: kept.subarray(mark.length) }])
      return bytes
    },
    /** A record is sealed for its version: an older one put back does not open. */
    async sealData(key: RecordKey, version: number, data: unknown): Promise<{ $sealed: string }> {
      const sealed = await seal(key, { place: recordPlace(key, version), content: JSON.stringify(data) })
      return { $sealed: sealed.toString('base64url') }
    },
    /** Undefined where the key was destroyed. */
    async openData(key: RecordKey, version: number, kept: unknown): Promise<unknown> {
      const sealed = sealedIn(kept)
      if (sealed === null) return kept
      const piece = { place: recordPlace(key, version), bytes: Buffer.from(sealed, 'base64url') }
      const [data = null] = await sealing.open(key, [piece])
      return data === null ? undefined : JSON.parse(String(data))
    }
  }
}

function placeOf({ execution, n }: Pick<Frame, 'execution' | 'n'>): string {
  return `frame\0${execution}\0${n}`
}

function blobPlace(id: string): string {
  return `blob\0${id}`
}

function recordPlace({ kind, id }: RecordKey, version: number): string {
  return `record\0${kind}\0${id}\0${version}`
}

function sealedIn(kept: unknown): string | null {
  if (typeof kept !== 'object' || kept === null || !('$sealed' in kept)) return null
  return String(kept.$sealed)
}
