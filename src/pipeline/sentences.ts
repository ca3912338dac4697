import { type FailureCode, failures } from '../frames/failure.ts'
import type { DataOf } from '../frames/kinds.ts'

type Codes =
  | FailureCode
  | `REFUSED_${DataOf<'message.refused'>['reason']}`
  | `COMMAND_${DataOf<'command.received'>['command']}`
  | 'DELAYED'

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
  DELAYED: 'I have your message. A service that I need is slow to answer; I keep trying and will tell you how it ends.'
} satisfies Record<Codes, string>

/** The fixed sentences by language: every refusal, apology and confirmation that a person can read. */
export const sentences = { en: english } as const

/** A fixed sentence in the person's language. */
export function sentence(code: Codes, language: keyof typeof sentences = 'en'): string {
  return sentences[language][code]
}
