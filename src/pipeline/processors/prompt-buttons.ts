import type { Outgoing } from '../../channels/channel.ts'
import type { Execution } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import { type PromptLanguage, promptWords } from '../../policy/prompt.ts'
import type { RecordKey } from '../../store/store.ts'
import type { SendingParts } from './sending.ts'

/** How long a no of the other side to buttons is remembered: a question must not wait for them each time. */
const notAgainForMs = 3_600_000

type Kept = { readonly template: string } | { readonly failedAt: number }

/**
 * The template of the buttons for a question, made once for an account and a language and then remembered. Null where the person
 * cannot tap, or where buttons failed lately: then the code alone answers. Whatever the other side says is no reason not to ask.
 */
export async function templateFor(
  parts: SendingParts,
  { tenant }: Execution,
  outgoing: Outgoing,
  language: PromptLanguage,
  signal: AbortSignal
): Promise<string | null> {
  const channel = parts.channelOf(tenant)
  if (!channel.canTap(outgoing)) return null
  const record = await parts.store.record(keyOf(tenant, language))
  const kept = record?.data as Kept | undefined
  if (kept !== undefined && 'template' in kept) return kept.template
  if (kept !== undefined && parts.clock.now() - kept.failedAt < notAgainForMs) return null
  const made = await channel.createButtons({ language, ...promptWords[language].buttons }, signal).catch(error => {
    if (error instanceof Failure && !signal.aborted) return null
    throw error
  })
  const found: Kept = made === null ? { failedAt: parts.clock.now() } : { template: made }
  // Where another process was faster its template is the one that is kept; this one does as well, once.
  await parts.store.putRecord(keyOf(tenant, language), found, record?.version ?? 0)
  return made
}

/** Remembers that a template was refused: questions go without buttons for a while, and then a new one is made. */
export async function forgetTemplate(
  { store, clock }: SendingParts,
  { tenant }: Execution,
  language: PromptLanguage
): Promise<void> {
  const record = await store.record(keyOf(tenant, language))
  await store.putRecord(keyOf(tenant, language), { failedAt: clock.now() } satisfies Kept, record?.version ?? 0)
}

/** Other words on the buttons are another template. */
function keyOf(tenant: string, language: PromptLanguage): RecordKey {
  const { approve, refuse } = promptWords[language].buttons
  return { tenant: 'server', user: 'server', kind: 'buttons', id: [tenant, language, approve, refuse].join(':') }
}
