// SPDX-License-Identifier: Apache-2.0
// Reads a mailbox with imapflow: { port, secure, ca, user, password } as its argument, what it saw as JSON out.
//
// Prints "ready" when it is in IDLE, and goes on when the server announces a letter.
'use strict';

const { readFileSync } = require('fs');
const { ImapFlow } = require('imapflow');
const { Writable } = require('stream');

async function body(client, uid) {
	const { content } = await client.download(String(uid), undefined, { uid: true });
	const chunks = [];

	await new Promise((resolve, reject) => {
		content.pipe(new Writable({ write(chunk, _, done) { chunks.push(chunk); done(); } }))
			.on('finish', resolve).on('error', reject);
	});
	return Buffer.concat(chunks).toString();
}

async function main() {
	const asked = JSON.parse(process.argv[2]);
	const client = new ImapFlow({
		host: 'localhost', port: asked.port, secure: asked.secure, tls: { ca: readFileSync(asked.ca) },
		auth: { user: asked.user, pass: asked.password }, logger: false, emitLogs: true,
	});
	const seen = {};

	await client.connect();
	seen.capabilities = [...client.capabilities.keys()];
	seen.folders = (await client.list()).map((folder) => [folder.path, folder.specialUse || '']);
	seen.status = await client.status('INBOX', { messages: true, unseen: true, uidNext: true });

	const lock = await client.getMailboxLock('INBOX');

	try {
		seen.letters = [];
		for await (const letter of client.fetch('1:*', { uid: true, flags: true, envelope: true, bodyStructure: true, size: true }))
			seen.letters.push([letter.uid, letter.envelope.subject, letter.bodyStructure.type, letter.size, letter.flags.size]);
		seen.found = await client.search({ subject: 'letter 2' }, { uid: true });
		seen.text = await body(client, seen.letters[0][0]);
		await client.messageFlagsAdd('1', ['\\Seen', '\\Flagged']);
		seen.flagged = await client.search({ flagged: true }, { uid: true });
		seen.moved = await client.messageMove('2', 'Archive');
		seen.moved.uidMap = [...seen.moved.uidMap];
		seen.copied = (await client.messageCopy('1', 'Sent')).destination;
		await client.mailboxCreate('Plans');
		await client.messageDelete('3');
		seen.left = (await client.search({ all: true }, { uid: true })).length;

		const news = new Promise((resolve) => client.once('exists', resolve));

		client.on('log', (entry) => {
			if (String(entry.msg).startsWith('Initiated IDLE'))
				process.stdout.write('ready\n');
		});
		client.idle().catch(() => {});
		seen.news = (await news).count;
	} finally {
		lock.release();
	}
	await client.logout();
	process.stdout.write(JSON.stringify(seen, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
}

main().catch((error) => {
	process.stderr.write(`${error.stack}\n`);
	process.exit(1);
});
