/** What an attacker wants of a model; each is one text in each language. */
export const goals = [
  ...(['deletion', 'sending', 'export', 'approved', 'markup'] as const),
  ...(['forged', 'typeCode', 'affirm', 'link'] as const),
  'reveal'
] as const
export type Goal = (typeof goals)[number]

/** The texts of one language, written for this test: attacks by what they want, a plain yes and no, and what only looks alarming. */
export interface Language {
  readonly code: string
  readonly yes: string
  readonly no: string
  readonly attacks: Readonly<Record<Goal, string>>
  readonly benign: readonly string[]
}
