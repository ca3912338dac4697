/** What a button under a question says. */
export type Decision = 'approve' | 'refuse'

const ours = /^knomly\.(approve|refuse)\.([\w{}-]{1,64})$/

/** What comes back when a button is tapped: which one it was, and the token of its question. */
export function payloadOf(decision: Decision, token: string): string {
  return `knomly.${decision}.${token}`
}

/**
 * Reads a payload; null where it belongs to no button of a question. `token` is null where the other side sent the name of the
 * variable back and not its value: then the message that was tapped says alone which question it was.
 */
export function readPayload(payload: string): { decision: Decision; token: string | null } | null {
  const [, decision, token = ''] = ours.exec(payload) ?? []
  if (decision !== 'approve' && decision !== 'refuse') return null
  return { decision, token: token === tokenVariables[decision] ? null : token }
}

/** The variables of a template (Content API) that stand for the tokens; the text is variable 1. */
export const tokenVariables: Readonly<Record<Decision, string>> = { approve: '{{2}}', refuse: '{{3}}' }
