/** What a check of the audit found: something that was changed, or something that is missing to tell. */
export interface Finding {
  readonly is: 'tampered' | 'incomplete'
  /** The block, record, frame or file. */
  readonly where: string
  readonly what: string
}

/** Tells a finding. */
export type Tell = (finding: Finding) => void

/** A finding that something was changed. */
export function tampered(where: string, what: string): Finding {
  return { is: 'tampered', where, what }
}

/** A finding that something is missing. */
export function incomplete(where: string, what: string): Finding {
  return { is: 'incomplete', where, what }
}
