// Unpacks the Chromium of the package and prints its path.
import chromium from "@sparticuz/chromium";

console.log(await chromium.executablePath());
