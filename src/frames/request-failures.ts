import type { Row } from './failure-row.ts'

/** What a request is refused for: a webhook, or an operator's. */
export const requestFailures = {
  // What a webhook is refused for. The bodies are empty; the code is the reason in metrics.
  METHOD_NOT_ALLOWED: { sentence: 'Use POST.', status: 405, retry: 'never' },
  BODY_TOO_LARGE: { sentence: 'Send at most 64 KiB.', status: 413, retry: 'never' },
  TYPE_NOT_SUPPORTED: { sentence: 'Send application/x-www-form-urlencoded.', status: 415, retry: 'never' },
  FORM_UNDECODABLE: { sentence: 'Send valid percent-encoded UTF-8.', status: 400, retry: 'never' },
  FORM_TOO_MANY_PAIRS: { sentence: 'Send at most 200 pairs.', status: 400, retry: 'never' },
  SIGNATURE_MISSING: { sentence: 'Send one X-Twilio-Signature header.', status: 403, retry: 'never' },
  SIGNATURE_MALFORMED: { sentence: 'Send one well-formed X-Twilio-Signature header.', status: 403, retry: 'never' },
  SIGNATURE_INVALID: { sentence: 'Sign the request with the token of the account.', status: 403, retry: 'never' },
  SIGNATURE_KEY_UNKNOWN: { sentence: 'Name a configured shared key.', status: 403, retry: 'never' },
  TARGET_NOT_CANONICAL: { sentence: 'Call the configured URL itself.', status: 403, retry: 'never' },
  ACCOUNT_UNKNOWN: { sentence: 'Use a configured account.', status: 403, retry: 'never' },
  SENDER_UNKNOWN: { sentence: 'Address a configured sender.', status: 403, retry: 'never' },
  FORM_REPEATED_KEY: { sentence: 'Send each parameter once.', status: 403, retry: 'never' },
  FORM_KEY_REFUSED: { sentence: 'Use plain parameter names.', status: 403, retry: 'never' },
  FORM_INCOMPLETE: { sentence: 'Send every mandatory parameter, well-formed.', status: 403, retry: 'never' },
  // What an operator's request is refused for.
  TOKEN_INVALID: { sentence: 'Send the operator token as a bearer token.', status: 401, retry: 'never' },
  NOT_FOUND: { sentence: 'There is nothing under this address.', status: 404, retry: 'never' },
  QUERY_INVALID: { sentence: 'Check the parameters against the README.', status: 400, retry: 'never' },
  RATE_LIMITED: { sentence: 'Too many requests: wait a minute.', status: 429, retry: 'never' },
  NOT_RETRYABLE: { sentence: 'Only an execution that ended badly can be retried.', status: 409, retry: 'never' },
  SWITCH_UNKNOWN: {
    sentence: 'Name all, model, tenant:…, principal:…, tool:… or class:… (R0 to K).',
    status: 400,
    retry: 'never'
  },
  STILL_AT_WORK: {
    sentence: 'A message of this person is still being worked on, and nothing was destroyed: try again.',
    status: 409,
    retry: 'never'
  },
  ACCOUNT_NOT_CONFIGURED: {
    sentence: 'There is no such account: name one of those that are configured.',
    status: 400,
    retry: 'never'
  },
  NO_MASTER_KEY_NEXT: {
    sentence:
      'Set MASTER_KEY_NEXT to the key that follows (openssl rand -base64 32) on every server, and restart them, first.',
    status: 409,
    retry: 'never'
  },
  TOOL_NOT_AS_SEEN: { sentence: 'The tool is another one by now: look at it again.', status: 409, retry: 'never' },
  DECIDED_ALREADY: { sentence: 'This question was decided already, or its time is over.', status: 409, retry: 'never' },
  AGREED_ALREADY: { sentence: 'You agreed; now the person has to agree too.', status: 409, retry: 'never' },
  NOT_ASKED_YET: { sentence: 'The question is still on its way: try again.', status: 409, retry: 'never' },
  EFFECT_UNDECIDED: {
    sentence: 'Say what happened: {"effect": "happened"} or {"effect": "did not happen"}.',
    status: 409,
    retry: 'never'
  }
} as const satisfies Record<string, Row>
