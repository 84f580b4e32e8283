// Two client libraries from the npm registry, as their users call them. Prints a
// line "pass NAME" or "fail NAME: WHY" for each thing looked at.
//
// usage: node clients.js BASE-URL SECRET MODERATOR-PASSWORD ATTENDEE-PASSWORD
'use strict'

const [base, secret, moderatorPW, attendeePW] = process.argv.slice(2)

let failed = false

function check(name, got, wanted) {
  if (String(got) === String(wanted)) {
    console.log(`pass ${name}`)
  } else {
    failed = true
    console.log(`fail ${name}: got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`)
  }
}

// What a browser would be told, without following it.
async function locationOf(url) {
  const answer = await fetch(url, { redirect: 'manual' })
  return `${answer.status} ${answer.headers.get('location')}`
}

// life: the same story for both; api has the library's calls, each a promise of
// the parsed <response>.
async function life(library, api) {
  const id = `${library} room/1`
  const options = { moderatorPW, attendeePW, welcome: 'Grüß Gott & welcome', 'meta_a-b': '1+1' }
  let answer = await api.create('Room, one', id, options)
  check(`${library}: create`, answer.returncode, 'SUCCESS')
  check(`${library}: create: the meeting's ID`, answer.meetingID, id)
  const createTime = answer.createTime

  answer = await api.create('Room, one', id, options)
  check(`${library}: create again`, answer.messageKey, 'duplicateWarning')
  check(`${library}: create again: the same meeting`, answer.createTime, createTime)

  answer = await api.isMeetingRunning(id)
  check(`${library}: isMeetingRunning before a join`, answer.running, 'false')

  const location = await locationOf(api.join('Änne Ö.', id, moderatorPW))
  check(`${library}: join`, location.replace(/:\d+\/.*/, ''), '302 http://127.0.0.1')
  const page = await fetch(location.slice(4))
  check(`${library}: join: the server lets the browser in`, page.status, 200)

  answer = await api.isMeetingRunning(id)
  check(`${library}: isMeetingRunning after it`, answer.running, 'true')

  answer = await api.getMeetingInfo(id)
  check(`${library}: getMeetingInfo`, answer.returncode, 'SUCCESS')
  check(`${library}: getMeetingInfo: the meeting's ID`, answer.meetingID, id)

  answer = await api.getMeetings()
  check(`${library}: getMeetings`, answer.returncode, 'SUCCESS')
  check(`${library}: getMeetings: the meeting is there`, JSON.stringify(answer.meetings).includes(id), 'true')

  answer = await api.end(id, moderatorPW)
  check(`${library}: end`, answer.messageKey, 'sentEndMeetingRequest')

  answer = await api.isMeetingRunning(`${library} nowhere`)
  check(`${library}: isMeetingRunning of an unknown meeting`, answer.running, 'false')
}

function bigbluebuttonJs() {
  const bbb = require('bigbluebutton-js')
  const api = bbb.api(base, secret)
  return {
    create: (...a) => bbb.http(api.administration.create(...a)),
    join: (...a) => api.administration.join(...a),
    end: (...a) => bbb.http(api.administration.end(...a)),
    isMeetingRunning: (...a) => bbb.http(api.monitoring.isMeetingRunning(...a)),
    getMeetingInfo: (...a) => bbb.http(api.monitoring.getMeetingInfo(...a)),
    getMeetings: () => bbb.http(api.monitoring.getMeetings()),
  }
}

// xml2js makes a list of every element.
function flat(answer) {
  return Object.fromEntries(Object.entries(answer.response).map(([name, value]) => [name, value[0]]))
}

function bbbPromise() {
  const { administration, monitoring } = require('bbb-promise').server(base, secret)
  return {
    create: async (...a) => flat(await administration.create(...a)),
    join: (...a) => administration.join(...a),
    end: async (...a) => flat(await administration.end(...a)),
    isMeetingRunning: async (...a) => flat(await monitoring.isMeetingRunning(...a)),
    getMeetingInfo: async (...a) => flat(await monitoring.getMeetingInfo(...a)),
    getMeetings: async () => flat(await monitoring.getMeetings()),
  }
}

async function main() {
  for (const [library, api] of [['bigbluebutton-js', bigbluebuttonJs()], ['bbb-promise', bbbPromise()]]) {
    try {
      await life(library, api)
    } catch (error) {
      check(`${library}: runs to its end`, error.message, '')
    }
  }
  process.exitCode = failed ? 1 : 0
}

main()
