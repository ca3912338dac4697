import { z } from 'zod'
import { strict } from './strict.ts'

const label = z.string().min(1).max(200)

/** Why a message did or did not answer a question. */
const reasons = [
  'code-fits',
  'clear-no',
  'no-question',
  'words-do-not-approve',
  'forwarded',
  'code-not-alone',
  'wrong-code',
  'too-many-tries',
  'expired',
  'decided-already',
  'ambiguous'
] as const

/** Why a tap, or one of the two people that a question needs, did or did not answer it. */
const furtherReasons = [
  'button-fits',
  'button-refuses',
  'button-not-alone',
  'wrong-button',
  'wrong-original',
  'another-question',
  'another-person',
  'another-number',
  'found-later',
  'agreed-first',
  'agreed-before'
] as const

const decided = {
  approval: label,
  state: z.enum(['approved', 'denied', 'expired', 'cancelled']),
  by: z.enum(['principal', 'operator', 'timer']),
  evidence: label.nullable()
}
const ways = ['code', 'words', 'tries', 'api', 'timer'] as const

const judged = { approvals: z.array(label).max(10) }
const verdicts = ['approved', 'denied', 'refused', 'none'] as const

/** The kinds that answer a question, or say why something does not. */
export const answerKinds = {
  /** A wrong code; `evidence` is the execution of the message that held it. */
  'approval.attempted': { 1: strict({ approval: label, evidence: label }) },
  /** The first of the two people whom a question of high risk needs (safety rule 3.5). */
  'approval.agreed': {
    1: strict({
      approval: label,
      by: z.enum(['principal', 'operator']),
      how: z.enum(['code', 'button', 'api']),
      evidence: label.nullable()
    })
  },
  'approval.decided': {
    1: strict({ ...decided, how: z.enum(ways) }),
    2: strict({ ...decided, how: z.enum([...ways, 'button']) })
  },
  /** What a message came to that might answer a question; `agreed`: another person has to agree too. */
  'evidence.judged': {
    1: strict({ ...judged, verdict: z.enum(verdicts), reason: z.enum(reasons) }),
    2: strict({
      ...judged,
      verdict: z.enum([...verdicts, 'agreed']),
      reason: z.enum([...reasons, ...furtherReasons])
    })
  }
} as const
