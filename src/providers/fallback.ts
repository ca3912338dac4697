import type { FailureCode } from '../frames/failure.ts'
import { Failure } from '../frames/failure.ts'
import type { Provider } from './provider.ts'

type Call<Question, Answer> = (question: Question, signal: AbortSignal) => Promise<Answer>

/**
 * Ordered lists of providers, one a use, as one provider. The next one is asked where one is down, refuses us or talks nonsense;
 * what is wrong with the question itself, and an abort, ends the call at once. Where all fail, an outage is what is thrown if
 * there was one, because waiting may still help; otherwise the last failure.
 */
export function createFallback(lists: {
  readonly transcribe: readonly Pick<Provider, 'transcribe'>[]
  readonly respond: readonly Pick<Provider, 'respond'>[]
}): Provider {
  return {
    transcribe: inOrder(lists.transcribe.map(provider => provider.transcribe.bind(provider))),
    respond: inOrder(lists.respond.map(provider => provider.respond.bind(provider)))
  }
}

function inOrder<Question, Answer>(calls: readonly Call<Question, Answer>[]): Call<Question, Answer> {
  return async (question, signal) => {
    const failures: Failure[] = []
    for (const call of calls) {
      signal.throwIfAborted()
      try {
        return await call(question, signal)
      } catch (error) {
        if (!(error instanceof Failure) || !passedOn.has(error.code)) throw error
        failures.push(error)
      }
    }
    throw (
      failures.findLast(failure => failure.code === 'PROVIDER_UNAVAILABLE') ??
      failures.at(-1) ??
      new Failure('PROVIDER_REFUSED')
    )
  }
}

const passedOn: ReadonlySet<FailureCode> = new Set(['PROVIDER_UNAVAILABLE', 'PROVIDER_REFUSED', 'PROVIDER_GARBLED'])
