import t from 'tap'
import { plainAnswer } from '../../src/policy/plain-answers.ts'

t.test('a clear no is understood in 18 languages, however it is written', async t => {
  const noes = {
    en: ['No', 'no!', 'No, thanks.', 'Cancel that', "Don't do it", 'DON’T'],
    es: ['No.', 'no gracias', 'Cancélalo'],
    fr: ['Non', 'Annulez !', 'non, merci'],
    de: ['Nein', 'nein, danke'],
    pt: ['Não', 'nao', 'Cancele'],
    it: ['No', 'annulla'],
    nl: ['Nee', 'annuleren'],
    pl: ['Nie', 'Anuluj'],
    tr: ['Hayır', 'İptal', 'vazgeç'],
    ru: ['Нет', 'Отмена.'],
    uk: ['Ні', 'Скасуй'],
    ar: ['لا', 'إلغاء'],
    he: ['לא', 'בטל'],
    hi: ['नहीं', 'रद्द करो'],
    zh: ['不', '取消', '不要。'],
    ja: ['いいえ', 'キャンセル'],
    ko: ['아니요', '취소'],
    vi: ['Không', 'hủy'],
    id: ['Tidak', 'batalkan'],
    sw: ['Hapana']
  }
  for (const [language, words] of Object.entries(noes)) {
    for (const word of words) t.equal(plainAnswer(word), 'no', `${language}: ${word}`)
  }
})

t.test('a yes is told from a no, and neither from a sentence', async t => {
  const yeses = [
    'Yes',
    'yes!',
    'OK',
    'ok.',
    '👍',
    '👍🏽',
    '✅',
    'Sí',
    'Oui',
    "D'accord",
    'Ja',
    'Да',
    'نعم',
    '好的',
    'はい',
    '네',
    'हाँ',
    'Evet'
  ]
  for (const word of yeses) t.equal(plainAnswer(word), 'yes', word)
  const sentences = [
    '',
    ' ',
    'No idea',
    'I know',
    'not now but later',
    'yes but which one?',
    'no task is called that',
    'Thank you for watching',
    '123456'
  ]
  for (const sentence of sentences) t.equal(plainAnswer(sentence), null, sentence)
  t.equal(plainAnswer(`no ${'x'.repeat(10_000)}`), null)
})
