// SPDX-License-Identifier: Apache-2.0
// Sends with nodemailer: { port, secure, ca, user, password, from, letters: [...] } as JSON in, the replies as JSON out.
'use strict';

const { readFileSync } = require('fs');
const nodemailer = require('nodemailer');

async function main() {
	const asked = JSON.parse(readFileSync(0, 'utf8'));
	const transport = nodemailer.createTransport({
		host: 'localhost', port: asked.port, secure: asked.secure, requireTLS: true, pool: true, maxConnections: 3,
		tls: { ca: readFileSync(asked.ca) }, authMethod: asked.method, auth: { user: asked.user, pass: asked.password },
	});
	const results = await Promise.all(asked.letters.map((letter) =>
		transport.sendMail({ from: asked.from, ...letter }).then(
			(sent) => [sent.response, sent.messageId], (error) => [error.response || error.message, null])));

	transport.close();
	process.stdout.write(JSON.stringify(results));
}

main().catch((error) => {
	process.stderr.write(`${error.stack}\n`);
	process.exit(1);
});
