/** Where the server is killed in mid-work, in the order in which a message passes. The two `on-the-wire` are met from outside: the other side has taken it, and its answer never arrives. */
export const points = [
  'accept-committed',
  'lane-rung',
  'claimed',
  'fetched',
  'downloaded',
  'heard',
  'transcribed',
  'thought',
  'tool-started',
  'tool-on-the-wire',
  'tool-done',
  'tool-finished',
  'reply-started',
  'reply-on-the-wire',
  'reply-taken',
  'part-sent',
  'finishing',
  'finished'
] as const

/** Where only a server on a database can be met: it has the lane, and not yet the message at its head. */
export const midClaim = 'mid-claim'

/** Where a call that a person must approve passes, from the question to the result. */
export const askingPoints = [
  'asked',
  'prompt-taken',
  'parked',
  'code-accepted',
  'decided',
  'burn-started',
  'burn-done',
  'burn-finished'
] as const

export type AskingPoint = (typeof askingPoints)[number]
export type Point = (typeof points)[number] | typeof midClaim | AskingPoint

/** What the entry writes to its error output before the signal: proof that the fault bit. */
export const bite = 'chaos: struck at'
