import { hash as sha } from 'node:crypto'
import { type Clock, isoTime } from './clock.ts'
import type { Entropy } from './entropy.ts'
import { jcs } from './jcs.ts'
import { type DataOf, type Kind, newestOf } from './kinds.ts'
import type { Provenance } from './provenance.ts'
import { noTail, type Tail } from './tail.ts'

/** One immutable step of an execution. `n` counts from 1 without gaps; `hash` chains to the frame before. */
export type Frame<K extends Kind = Kind> = K extends Kind
  ? {
      readonly id: string
      readonly execution: string
      readonly n: number
      readonly kind: K
      readonly v: number
      readonly parent: string | null
      readonly at: string
      readonly provenance: Provenance
      readonly data: DataOf<K>
      /** 16 random bytes, base64url: without it a commitment to a short sentence could be guessed. */
      readonly salt: string
      /** SHA-256(salt bytes ‖ JCS(data)), hex. */
      readonly commitment: string
      /** SHA-256(previous hash bytes ‖ JCS(everything above but data and salt)), hex; 32 zero bytes stand before the first. */
      readonly hash: string
    }
  : never

/** What a processor wants written next: the worker gives it its place in the chain. */
export type Draft<K extends Kind = Kind> = K extends Kind
  ? { readonly kind: K; readonly data: DataOf<K>; readonly parent: string | null; readonly provenance: Provenance }
  : never

/**
 * Turns a draft into the frame after `tail`: parses its data strictly, salts it, commits to it and links it.
 * Throws a ZodError where the data does not fit its kind: a fault of ours, never of the person.
 */
export function makeFrame<K extends Kind>(
  execution: string,
  tail: Tail,
  draft: Draft<K>,
  { clock, entropy }: { clock: Clock; entropy: Entropy }
): Frame<K> {
  const { version, schema } = newestOf(draft.kind)
  const data = schema.parse(draft.data)
  const salt = entropy.bytes(16)
  const { confidentiality, integrity, origin, principal, ref } = draft.provenance
  // In the order of the canonical text, which then costs no sorting.
  const head = {
    at: isoTime(clock.now()),
    commitment: commit(salt, data),
    execution,
    id: entropy.id(),
    kind: draft.kind,
    n: tail.n + 1,
    parent: draft.parent,
    provenance: { confidentiality, integrity, origin, ...(principal !== undefined && { principal }), ref },
    v: version
  }
  const hash = digest(Buffer.from(tail.hash, 'hex'), JSON.stringify(head))
  return { ...head, data, salt: salt.toString('base64url'), hash } as unknown as Frame<K>
}

/** What of a frame may be read by whoever holds no key: all but data and salt. */
export type Head = Omit<Frame, 'data' | 'salt'>

/** The same frame after another tail: what a holder does when a note came between. Its id, salt and commitment stay. */
export function relinkFrame(frame: Frame, tail: Tail): Frame {
  const { data, salt, hash: _hash, ...head } = frame
  const moved = { ...head, n: tail.n + 1 }
  return { ...moved, data, salt, hash: link(tail.hash, moved) } as Frame
}

/** A flaw found in a chain: the position, and which promise it breaks. */
export type ChainFlaw = { n: number; flaw: 'position' | 'execution' | 'commitment' | 'hash' }

/**
 * Checks a chain from its first frame and names the first flaw, or null for a whole one.
 * Frames whose data and salt are sealed or were destroyed are checked by their commitment alone.
 */
export function checkChain(
  frames: readonly (Head & Partial<Pick<Frame, 'data' | 'salt'>> & { sealed?: string })[]
): ChainFlaw | null {
  let previous = noTail.hash
  for (const [i, frame] of frames.entries()) {
    const { data, salt, sealed: _, hash, ...head } = frame
    if (head.n !== i + 1) return { n: i + 1, flaw: 'position' }
    if (head.execution !== frames[0]?.execution) return { n: head.n, flaw: 'execution' }
    if (salt !== undefined && !gives(head.commitment, () => commit(Buffer.from(salt, 'base64url'), data))) {
      return { n: head.n, flaw: 'commitment' }
    }
    if (!gives(hash, () => link(previous, head))) return { n: head.n, flaw: 'hash' }
    previous = hash
  }
  return null
}

/** Whether a frame holds what it committed to. */
export function holdsWhatItSays({ commitment, salt, data }: Pick<Frame, 'commitment' | 'salt' | 'data'>): boolean {
  return gives(commitment, () => commit(Buffer.from(salt, 'base64url'), data))
}

/**
 * Names a value that belongs to a frame without telling it: SHA-256(salt bytes ‖ 'fingerprint' ‖ JCS(value)), 32 hex digits. Whoever has
 * the frame can make it again; once salt and data are erased together, it cannot even be guessed at.
 */
export function fingerprintOf({ salt }: Pick<Frame, 'salt'>, value: unknown): string {
  return digest(Buffer.from(salt, 'base64url'), `fingerprint${jcs(value)}`).slice(0, 32)
}

/** What was changed by hand need not be JSON any more: then nothing can be hashed, and it is not what it was. */
function gives(expected: string, hash: () => string): boolean {
  try {
    return hash() === expected
  } catch {
    return false
  }
}

function commit(salt: Buffer, data: unknown): string {
  return digest(salt, jcs(data))
}

function link(previous: string, head: object): string {
  return digest(Buffer.from(previous, 'hex'), jcs(head))
}

function digest(prefix: Buffer, text: string): string {
  return sha('sha256', Buffer.concat([prefix, Buffer.from(text)]), 'hex')
}
