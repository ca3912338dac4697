import type { Message } from '../frames/kinds.ts'
import type { RecordKey, Store } from '../store/store.ts'

/**
 * The one pseudonym of a person who may write under two names: an address with a phone number, and a user id that stays when the
 * number is hidden (WhatsApp usernames). Whichever came first keeps the conversation; the other is linked to it.
 */
export async function resolvePerson(
  { store, pseudonym }: { store: Store; pseudonym: (tenant: string, address: string) => string },
  tenant: string,
  message: Message
): Promise<string> {
  const own = pseudonym(tenant, message.from)
  const names = message.externalUser === undefined ? [own] : [own, pseudonym(tenant, message.externalUser)]
  const links = await Promise.all(names.map(name => store.record(linkKey(tenant, name))))
  const person = links.map(link => (link?.data as { person?: string } | null | undefined)?.person).find(Boolean) ?? own
  // Only an address without a number can turn up under another name later.
  if (names.length > 1 || !hasNumber(message.from)) {
    for (const [i, name] of names.entries()) {
      if (links[i] === null) await store.putRecord(linkKey(tenant, name), { person }, 0)
    }
  }
  return person
}

function hasNumber(address: string): boolean {
  return /^(\w+:)?\+?\d+$/.test(address)
}

function linkKey(tenant: string, name: string): RecordKey {
  return { tenant, user: name, kind: 'person', id: 'link' }
}
