import { z } from 'zod'
import { questionMark } from '../frames/approval.ts'
import { Failure } from '../frames/failure.ts'
import { jcsHash } from '../frames/jcs.ts'
import { integrities } from '../frames/provenance.ts'
import { answer } from './answer.ts'
import { defineTool } from './define-tool.ts'
import type { Tool, UserRecords } from './tool.ts'

const kind = 'contact'
const mostListed = 200

const contactSchema = z.strictObject({
  name: z.string(),
  address: z.string(),
  integrity: z.enum(integrities)
})
type Contact = z.infer<typeof contactSchema> & { readonly id: string }

const contactId = z
  .string()
  .regex(/^c-[0-9a-f]{10}$/, 'must be an id that list_contacts shows')
  .describe('The id of the contact, as list_contacts shows it')

const addContact = defineTool({
  name: 'add_contact',
  description: "Adds somebody to the person's contacts, so that messages can be sent to them.",
  input: z.strictObject({
    name: z.string().max(100).regex(/\S/, 'must not be empty').describe('What the person calls them'),
    number: z
      .string()
      .regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number such as +15551234567')
      .describe('Their phone number, with a plus sign and the country code')
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  repeatable: true,
  describe: ({ name, number }) => `Add ${name}, ${number}, to the contacts`,
  async run({ name, number }, { records, integrity }) {
    // The same number under the same name is the same contact.
    const id = `c-${jcsHash([name, number]).slice(0, 10)}`
    await records.put({ kind, id }, { name, address: number, integrity }, 0)
    return answer({ added: { id, name, number } })
  }
})

const listContacts = defineTool({
  name: 'list_contacts',
  description: "Lists the person's contacts.",
  input: z.strictObject({}),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  repeatable: true,
  describe: () => 'List the contacts',
  async run(_, { records }) {
    const contacts = (await records.list(kind, { limit: mostListed })).map(record => contactOf(record))
    const shown = contacts.map(({ id, name, address }) => ({ id, name, number: address }))
    return answer({ contacts: shown }, contacts)
  }
})

const sendMessage = defineTool({
  name: 'send_message',
  description: 'Sends a message to a contact, from the number that the person writes to.',
  input: z.strictObject({
    contact: contactId,
    text: z
      .string()
      .max(1_000)
      .regex(/\S/, 'must not be empty')
      .refine(text => !text.includes(questionMark), `must not hold ${questionMark}`)
      .describe('The message, word for word')
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  repeatable: false,
  describe: () => 'Send this message to somebody else',
  async target({ contact }, records) {
    const found = await readContact(records, contact)
    if (found === null) return null
    return { id: contact, fingerprint: fingerprintOf(found), label: labelOf(found), integrity: found.integrity }
  },
  async run({ contact, text }, { records, fingerprint, send }) {
    const found = await readContact(records, contact)
    if (found === null || fingerprintOf(found) !== fingerprint) {
      return { outcome: 'failed', result: 'The contact was changed after the person saw it, so nothing was sent.' }
    }
    try {
      await send(found.address, text)
      return answer({ sent: { to: found.name } }, [found])
    } catch (error) {
      if (!(error instanceof Failure && error.refused)) throw error
      return { outcome: 'failed', result: `It was not taken (${error.code}), so nothing was sent.` }
    }
  }
})

/** The people that a person sends messages to, kept in their records. */
export const contactTools: readonly Tool[] = [addContact, listContacts, sendMessage]

async function readContact(records: Pick<UserRecords, 'get'>, id: string): Promise<Contact | null> {
  const record = await records.get(kind, id)
  return record === null ? null : contactOf(record)
}

function contactOf({ id, data }: { id: string; data: unknown }): Contact {
  return { ...contactSchema.parse(data), id }
}

function fingerprintOf({ id, name, address }: Contact): string {
  return jcsHash({ address, id, name })
}

function labelOf({ name, address }: Contact): string {
  return `${name}, ${address}`
}
