/** How far the words of a frame can be believed, from the most to the least trusted (safety rule 3.1). */
export const integrities = [
  'system',
  'operator',
  'user_typed',
  'user_voice',
  'user_forwarded',
  'tool_own',
  'tool_third_party',
  'web'
] as const
export type Integrity = (typeof integrities)[number]

/** Who may see the words of a frame, from everybody to one person. A secret never enters a frame. */
export const confidentialities = ['public', 'tenant', 'user'] as const
export type Confidentiality = (typeof confidentialities)[number]

/** Where a frame comes from: `origin` names the door, `ref` the thing outside (a message, a call) or the frame it derives from. */
export interface Provenance {
  readonly origin: string
  readonly principal?: string | undefined
  readonly integrity: Integrity
  readonly confidentiality: Confidentiality
  readonly ref: string | null
}

/** The label of something made from `parents`: the lowest integrity and the highest confidentiality among them, so that no step launders trust. */
export function deriveProvenance(origin: string, ref: string | null, parents: readonly Provenance[]): Provenance {
  const first = parents[0]
  if (first === undefined) return { origin, integrity: 'system', confidentiality: 'public', ref }
  let { integrity, confidentiality } = first
  for (const parent of parents) {
    integrity = lowestIntegrity(integrity, parent.integrity)
    if (confidentialities.indexOf(parent.confidentiality) > confidentialities.indexOf(confidentiality)) {
      confidentiality = parent.confidentiality
    }
  }
  const principal = parents.find(parent => parent.principal !== undefined)?.principal
  return { origin, ...(principal === undefined ? {} : { principal }), integrity, confidentiality, ref }
}

/** The less trusted of two labels. */
export function lowestIntegrity(a: Integrity, b: Integrity): Integrity {
  return integrities.indexOf(a) >= integrities.indexOf(b) ? a : b
}
