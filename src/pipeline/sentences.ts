import type { FailureCode } from '../frames/failure.ts'
import { failures } from '../frames/failures.ts'
import type { DataOf } from '../frames/kinds.ts'

type Codes =
  | FailureCode
  | `REFUSED_${DataOf<'message.refused'>['reason']}`
  | `COMMAND_${DataOf<'command.received'>['command']}`
  | `EVIDENCE_${DataOf<'evidence.judged'>['reason']}`
  | `BUDGET_${DataOf<'budget.exceeded'>['budget']}`
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
  'EVIDENCE_button-fits': 'Approved.',
  'EVIDENCE_button-refuses': 'It will not be done.',
  'EVIDENCE_no-question': 'No question waits for a code, so nothing was approved.',
  'EVIDENCE_words-do-not-approve':
    'Words do not approve anything. To approve, send the six digits of the question, alone; to refuse, send NO.',
  EVIDENCE_forwarded: 'What was forwarded approves nothing. Type the code yourself.',
  'EVIDENCE_code-not-alone':
    'Nothing was approved. To approve, send the six digits alone, with nothing before or after them.',
  'EVIDENCE_wrong-code':
    'This is not the code of an open question, so nothing was approved. Please check it and send it again.',
  'EVIDENCE_too-many-tries':
    'That were too many wrong codes, so it will not be done. Ask me again if you still want it.',
  EVIDENCE_expired: 'The time for this question was over (it timed out), so nothing was approved.',
  'EVIDENCE_decided-already': 'This question was answered already.',
  EVIDENCE_ambiguous: 'This code fits more than one question, so nothing was approved. Send NO and ask me again.',
  'EVIDENCE_button-not-alone':
    'A button with something attached to it answers nothing. Send the code of the question, alone.',
  'EVIDENCE_wrong-button': 'This button belongs to no open question, so nothing was approved.',
  'EVIDENCE_wrong-original':
    'I cannot tell which message this button is from, so nothing was approved. Send the code of the question, alone.',
  'EVIDENCE_another-question':
    'This button and its message belong to two different questions, so nothing was approved. Send the code of the question, alone.',
  'EVIDENCE_another-person': 'This question was not put to you, so nothing was approved.',
  'EVIDENCE_another-number':
    'The question was put by another of my numbers, so nothing was approved. Answer it where it was put.',
  'EVIDENCE_found-later': 'This reached me late and by another way, so nothing was approved. Please send it again.',
  'EVIDENCE_agreed-first':
    'You have agreed. The operator has to agree as well before the time of the question is over; I will tell you how it ends.',
  'EVIDENCE_agreed-before': 'You have agreed already. The operator has to agree as well.',
  BUDGET_audioSecondsPerDay:
    'You have used up the voice notes that I may listen to in a day, so I did not act on this one. Please type it, or send it again tomorrow.',
  BUDGET_tokensPerDay:
    'You have used up what I may do for you in a day, so I stopped here; what was done before stays done. Please ask again tomorrow.',
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
