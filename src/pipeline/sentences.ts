import { type FailureCode, failures } from '../frames/failure.ts'
import type { DataOf } from '../frames/kinds.ts'

type Codes =
  | FailureCode
  | `REFUSED_${DataOf<'message.refused'>['reason']}`
  | `COMMAND_${DataOf<'command.received'>['command']}`
  | `EVIDENCE_${DataOf<'evidence.judged'>['reason']}`
  | 'DELAYED'
  | 'CANARY_WITHHELD'

const english = {
  ...(Object.fromEntries(Object.entries(failures).map(([code, row]) => [code, row.sentence])) as Record<
    FailureCode,
    string
  >),
  'REFUSED_sender-not-allowed':
    'I answer only people on my list. Please ask the person who runs this number to add you.',
  'REFUSED_rate-limited':
    'You are sending faster than I can work, so I did not act on this. Please wait a minute and send it again.',
  'REFUSED_opted-out': 'You asked for no more messages. Send START to hear from me again.',
  COMMAND_stop: 'You will get no more messages from me. Send START to hear from me again.',
  COMMAND_start: 'Welcome back. Send me a voice note or a text message.',
  COMMAND_help:
    'I am an automatic assistant. Send me a voice note or a text message and I will answer. Send STOP to get no more messages.',
  'EVIDENCE_code-fits': 'Approved.',
  'EVIDENCE_clear-no': 'It will not be done.',
  'EVIDENCE_no-question': 'No question waits for a code, so nothing was approved.',
  'EVIDENCE_words-do-not-approve':
    'Words do not approve anything. To approve, send the six digits of the question, alone; to refuse, send NO.',
  EVIDENCE_forwarded: 'A forwarded code approves nothing. Type the code yourself.',
  'EVIDENCE_code-not-alone':
    'Nothing was approved. To approve, send the six digits alone, with nothing before or after them.',
  'EVIDENCE_wrong-code':
    'This is not the code of an open question, so nothing was approved. Please check it and send it again.',
  'EVIDENCE_too-many-tries':
    'That were too many wrong codes, so it will not be done. Ask me again if you still want it.',
  EVIDENCE_expired: 'The time for this question was over (it timed out), so nothing was approved.',
  'EVIDENCE_decided-already': 'This question was answered already.',
  EVIDENCE_ambiguous: 'This code fits more than one question, so nothing was approved. Send NO and ask me again.',
  CANARY_WITHHELD:
    'I held my answer back: something made me tell what I must not. I stop here until my operator has looked at it.',
  DELAYED: 'I have your message. A service that I need is slow to answer; I keep trying and will tell you how it ends.'
} satisfies Record<Codes, string>

/** The fixed sentences by language: every refusal, apology and confirmation that a person can read. */
export const sentences = { en: english } as const

/** A fixed sentence in the person's language. */
export function sentence(code: Codes, language: keyof typeof sentences = 'en'): string {
  return sentences[language][code]
}
